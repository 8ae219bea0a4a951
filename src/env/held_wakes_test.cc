// Who hands over many things wakes the other side once, when all is there; nobody is forgotten.

#include "env/held_wakes.h"

#include <optional>

#include <gtest/gtest.h>

namespace tidemark::env {
namespace {

class Counted final : public Sleeper {
 public:
  void WakeNow() override { ++wakes; }
  int wakes = 0;
};

TEST(HeldWakes, AreOneEachAtTheEnd) {
  const auto one = std::make_shared<Counted>();
  const auto other = std::make_shared<Counted>();
  HeldWakes::Wake(one);
  EXPECT_EQ(one->wakes, 1);
  {
    const HeldWakes held;
    EXPECT_FALSE(held.any());
    for (int i = 0; i < 3; ++i) HeldWakes::Wake(one);
    HeldWakes::Wake(other);
    EXPECT_TRUE(held.any());
    EXPECT_EQ(one->wakes + other->wakes, 1);
  }
  EXPECT_EQ(one->wakes, 2);
  EXPECT_EQ(other->wakes, 1);
  HeldWakes::Wake(one);
  EXPECT_EQ(one->wakes, 3);
}

TEST(HeldWakes, AreReleasedInBetweenAndGoOn) {
  const auto one = std::make_shared<Counted>();
  HeldWakes held;
  HeldWakes::Wake(one);
  held.Release();
  EXPECT_EQ(one->wakes, 1);
  HeldWakes::Wake(one);
  EXPECT_EQ(one->wakes, 1);
  held.Release();
  EXPECT_EQ(one->wakes, 2);
}

TEST(HeldWakes, InsideOthersWaitForThose) {
  const auto one = std::make_shared<Counted>();
  std::optional<HeldWakes> outer(std::in_place);
  {
    const HeldWakes inner;
    HeldWakes::Wake(one);
  }
  EXPECT_EQ(one->wakes, 0);
  outer.reset();
  EXPECT_EQ(one->wakes, 1);
}

TEST(HeldWakes, KeepWhatIsToBeWokenAndAreBounded) {
  HeldWakes held;
  std::weak_ptr<Counted> kept;
  {
    const auto one = std::make_shared<Counted>();
    kept = one;
    HeldWakes::Wake(one);
  }
  EXPECT_FALSE(kept.expired());
  std::vector<std::shared_ptr<Counted>> many(HeldWakes::kSleepersMax);
  for (auto& one : many) HeldWakes::Wake(one = std::make_shared<Counted>());
  EXPECT_EQ(many[many.size() - 2]->wakes, 0);
  EXPECT_EQ(many.back()->wakes, 1);
  held.Release();
  EXPECT_TRUE(kept.expired());
  EXPECT_EQ(many.front()->wakes, 1);
}

}  // namespace
}  // namespace tidemark::env
