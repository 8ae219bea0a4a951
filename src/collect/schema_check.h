// Holds every event against the schemas that are in force for its type: refuses it, or counts and
// tells. The `event::EventCheck` of the doors.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "event/event_check.h"
#include "meta/schemas.h"
#include "schema/column_rules.h"
#include "schema/instance.h"
#include "schema/step_budget.h"
#include "telemetry/metrics.h"

namespace tidemark::collect {

// Sums over all schemas; by subject and rule they are in ProjectSchemas (`GET
// /v1/schemas/{subject}`).
struct SchemaMetrics {
  explicit SchemaMetrics(telemetry::Registry* registry);

  telemetry::Counter& valid;        // Judgements, of which an event may have several.
  telemetry::Counter& observed;     // Not as the schema says, and taken.
  telemetry::Counter& quarantined;  // Not as the schema says, and kept in quarantine.
  telemetry::Counter& undecided;    // Would have taken too long; as the schema's mode says.
};

// One thread at a time; keeps its memory between bodies.
class SchemaCheck final : public event::EventCheck {
 public:
  // Both must outlive it.
  SchemaCheck(meta::Schemas* schemas, SchemaMetrics* metrics)
      : schemas_(schemas), metrics_(metrics) {}

  // For the events that follow: one state of the registry for all of them. `tell`: they are only
  // explained, so warnings have a message, which costs, and nothing is counted.
  void Begin(std::string_view project, bool tell);
  event::CheckFinding Check(const event::EventView& event) override;
  // Counts what was judged, and lets go of the registry's state.
  void End();

 private:
  // Events of one schema with one outcome: counted together, for the counters are shared by all
  // threads.
  struct Tally {
    schema::RuleCounts* counts = nullptr;
    schema::Judgement judgement = schema::Judgement::kValid;
    schema::BrokenRule broken;
    bool refuse = false;
    std::uint64_t events = 0;
  };
  static constexpr std::size_t kTalliesMax = 32;

  void Count(const meta::SchemaInForce& one, schema::Judgement judgement,
             const schema::BrokenRule& broken, bool refuse);
  void AddTallies();
  bool LayOut(const event::EventView& event, schema::Shape shape);
  void Judge(const event::EventView& event, const meta::SchemaInForce& one,
             event::CheckFinding* finding);
  static void TellUndecided(const meta::SchemaInForce& one, bool is_short,
                            event::CheckFinding* finding);
  void Tell(const meta::SchemaInForce& one, bool refuse, const schema::BrokenRule& broken,
            event::CheckFinding* finding) const;

  meta::Schemas* const schemas_;
  SchemaMetrics* const metrics_;
  std::string project_;
  bool tell_ = false;
  std::shared_ptr<const meta::ProjectSchemas> in_force_;
  // The schemas of the last event's type: events of one type come together.
  std::string last_type_;
  const std::vector<meta::SchemaInForce>* last_ = nullptr;
  schema::KnownShapes known_shapes_;
  schema::StepBudget budget_;  // Of the request.
  schema::Instance instance_;
  bool laid_out_ = false;
  std::vector<Tally> tallies_;
  schema::Shape shape_ = schema::Shape::kFlat;
};

}  // namespace tidemark::collect
