#pragma once
// Certificates and ticket keys on their way from the master to this front's store: at the start,
// before the front confines itself, and whenever they change. Connections keep those that they
// began with.

#include "base/result.h"
#include "control/boot.h"
#include "control/message.h"
#include "tls/store.h"

namespace mew::front {

// Nothing to do where no listener speaks TLS. Closes the descriptor that the boot names.
base::Result<void> take_boot_certificates(tls::Store& store, const control::FrontBoot& boot);
// What cannot be used is logged, and what was before stays.
void take_certificates(tls::Store& store, const control::FrontBoot& boot,
                       const control::Message& message);
void take_ticket_keys(tls::Store& store, const control::Message& message);

}  // namespace mew::front
