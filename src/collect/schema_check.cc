#include "collect/schema_check.h"

#include <utility>

namespace tidemark::collect {
namespace {

constexpr std::string_view kSentence = "Judgements of events by their schemas, by outcome.";

// "order/3".
std::string NameOf(const meta::SchemaInForce& one) {
  return one.subject->name + "/" + std::to_string(one.version->version);
}

}  // namespace

SchemaMetrics::SchemaMetrics(telemetry::Registry* registry)
    : valid(registry->AddCounter("tidemark_schema_judgements_total{outcome=\"valid\"}", kSentence)),
      observed(registry->AddCounter("tidemark_schema_judgements_total{outcome=\"observed\"}",
                                    kSentence)),
      quarantined(registry->AddCounter("tidemark_schema_judgements_total{outcome=\"quarantined\"}",
                                       kSentence)),
      undecided(registry->AddCounter("tidemark_schema_judgements_total{outcome=\"undecided\"}",
                                     kSentence)) {}

void SchemaCheck::Begin(std::string_view project, bool tell) {
  if (project_ != project) project_ = project;
  tell_ = tell;
  budget_ = {};
  in_force_ = schemas_->Counting(project);
  last_ = nullptr;
}

event::CheckFinding SchemaCheck::Check(const event::EventView& event) {
  event::CheckFinding finding;
  const std::string_view type = event.Text(event::Column::kEventType);
  if (last_ == nullptr || last_type_ != type) {
    last_type_ = type;
    last_ = &in_force_->Of(type);
  }
  laid_out_ = false;
  budget_.NextEvent();
  for (const meta::SchemaInForce& one : *last_) Judge(event, one, &finding);
  return finding;
}

void SchemaCheck::Count(const meta::SchemaInForce& one, schema::Judgement judgement,
                        const schema::BrokenRule& broken, bool refuse) {
  for (Tally& tally : tallies_) {
    if (tally.counts == one.counts.get() && tally.judgement == judgement &&
        tally.broken == broken && tally.refuse == refuse) {
      ++tally.events;
      return;
    }
  }
  if (tallies_.size() == kTalliesMax) AddTallies();
  tallies_.push_back({one.counts.get(), judgement, broken, refuse, 1});
}

void SchemaCheck::AddTallies() {
  for (const Tally& tally : tallies_) {
    tally.counts->AddChecked(tally.events);
    switch (tally.judgement) {
      case schema::Judgement::kValid:
        metrics_->valid.Add(tally.events);
        break;
      case schema::Judgement::kUndecided:
        metrics_->undecided.Add(tally.events);
        tally.counts->AddUndecided(tally.events);
        break;
      case schema::Judgement::kInvalid:
        (tally.refuse ? metrics_->quarantined : metrics_->observed).Add(tally.events);
        tally.counts->AddBroken(tally.broken, tally.refuse, tally.events);
        break;
    }
  }
  tallies_.clear();
}

void SchemaCheck::End() {
  if (tell_) tallies_.clear();
  AddTallies();
  in_force_ = nullptr;
}

// False: it has too many parts.
bool SchemaCheck::LayOut(const event::EventView& event, schema::Shape shape) {
  if (laid_out_ && shape_ == shape) return true;
  shape_ = shape;
  const Status read =
      laid_out_ ? instance_.Reshape(event, shape) : instance_.Read(event, project_, shape);
  return laid_out_ = read.has_value();
}

void SchemaCheck::Judge(const event::EventView& event, const meta::SchemaInForce& one,
                        event::CheckFinding* finding) {
  const schema::Validator& validator = *one.version->validator;
  const bool refuse = one.subject->mode == meta::SchemaMode::kEnforce;
  schema::BrokenRule broken;
  schema::Judgement judgement = schema::Judgement::kUndecided;
  const bool is_short = budget_.IsShort();
  const auto quick = validator.JudgeColumns(event, &broken, &known_shapes_);
  budget_.Take(1);
  // What is told is told from the laid out event.
  if (quick && (*quick == schema::Judgement::kValid || !(refuse || tell_))) {
    judgement = *quick;
  } else if (LayOut(event, validator.shape())) {
    schema::Validator::Steps steps{.max = budget_.Left()};
    judgement = validator.Judge(instance_, &broken, &steps);
    // What is told is judged a second time.
    const bool told = judgement == schema::Judgement::kInvalid && (refuse || tell_);
    budget_.Take(told ? 2 * steps.taken : steps.taken);
  }
  Count(one, judgement, broken, refuse);
  if (judgement == schema::Judgement::kValid) return;
  // The first refusal is told, else the first warning.
  if (finding->refuse || (!refuse && !finding->code.empty())) return;
  finding->code = "schema";
  finding->refuse = refuse;
  if (!refuse && !tell_) return;
  if (judgement == schema::Judgement::kUndecided) {
    TellUndecided(one, is_short, finding);
  } else {
    Tell(one, refuse, broken, finding);
  }
}

void SchemaCheck::TellUndecided(const meta::SchemaInForce& one, bool is_short,
                                event::CheckFinding* finding) {
  const std::string name = NameOf(one);
  finding->rule = name + (is_short ? ": steps of the request" : ": steps");
  finding->message =
      is_short ? "the schema " + name + " did not judge this event: judging the events before it " +
                     "took what one request may take; send it again in a smaller batch, or " +
                     "replay it from the quarantine"
               : "the schema " + name + " cannot judge this event in reasonable time";
}

void SchemaCheck::Tell(const meta::SchemaInForce& one, bool refuse,
                       const schema::BrokenRule& broken, event::CheckFinding* finding) const {
  const std::string name = NameOf(one);
  finding->rule = name + ": " + one.version->validator->RuleName(broken);
  std::vector<schema::Finding> findings;
  one.version->validator->Judge(instance_, &findings, 1);
  const std::string path = findings.empty() ? "" : findings.front().instance_path;
  finding->message = (path.empty() ? "the event" : "`" + path + "`") + " " +
                     (findings.empty() ? "is not as the schema says" : findings.front().message) +
                     " (schema " + name + (refuse ? ")" : ", observed)");
}

}  // namespace tidemark::collect
