#include "enrich/client_address.h"

namespace tidemark::enrich {

using event::Column;

void ClientAddress::Enrich(const RequestFacts& facts, event::EventView* event) {
  if (rule_ == AddressRule::kDrop) {
    event->present &= ~event::Bit(Column::kIp);
    return;
  }
  if (!event->Has(Column::kIp)) {
    if (!facts.from_page || facts.address.is_none()) return;
    text_ = facts.address.ToString();
    event->SetText(Column::kIp, text_);
  }
  if (rule_ == AddressRule::kKeep) return;
  const auto address = IpAddress::Parse(event->Text(Column::kIp));
  if (!address) {
    event->present &= ~event::Bit(Column::kIp);
    metrics_->addresses_unread.Add();
    return;
  }
  text_ = address->Truncated(kKeptBitsV4, kKeptBitsV6).ToString();
  event->SetText(Column::kIp, text_);
  metrics_->addresses_cut.Add();
}

}  // namespace tidemark::enrich
