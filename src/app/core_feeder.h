// The core as the Iceberg catalog needs it for commits of others to managed tables. Any thread.
#pragma once

#include "app/routes.h"
#include "iceberg/rest_catalog.h"

namespace tidemark::app {

class CoreFeeder final : public iceberg::Feeder {
 public:
  // The core must have recovered before the first call.
  explicit CoreFeeder(RouteParts* parts) : parts_(parts) {}

  Epoch epoch() const override;
  TimeMicros ReadersUntil(TimeMicros now) const override;
  void Refresh(const std::string& ns) override;

 private:
  RouteParts* const parts_;
};

}  // namespace tidemark::app
