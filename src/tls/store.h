#pragma once
// The certificates that a front serves, by listener and by name, and the keys of its tickets. Made
// before the front confines itself; what comes later (apply, set_ticket_keys) opens no file either.
// Sessions that live keep the certificate they began with.
//
// One loop, one thread: nothing here is locked. A store outlives its sessions.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "tls/material.h"
#include "tls/settings.h"
#include "tls/warm_buffers.h"

namespace mew::tls {

struct Context;
class Tickets;

class Store final {
public:
    Store();
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    // All of it or nothing: after an error, what was served before is served still. Names that two
    // certificates bear are the first one's.
    base::Result<void> apply(const Material& material, const Settings& settings);
    // Until the first call the keys are random, and no other process knows them.
    void set_ticket_keys(const TicketKeys& keys);

    // Is TLS spoken on this listener (its place in FrontBoot::listeners)?
    bool serves(std::uint32_t listener) const;

    // For sessions.
    const Settings& settings() const { return settings_; }
    Tickets& tickets() { return *tickets_; }
    std::shared_ptr<const Context> of_listener(std::uint32_t listener) const;
    // An exact name before a wildcard; null: nobody's.
    std::shared_ptr<const Context> of_name(std::string_view name) const;
    // Where a record is decrypted to, before it is appended.
    std::array<char, 16384>& scratch() { return scratch_; }
    WarmBuffers& buffers() { return buffers_; }

private:
    struct Served;
    Settings settings_;
    std::unique_ptr<Tickets> tickets_;
    std::unique_ptr<Served> served_;
    std::array<char, 16384> scratch_;
    WarmBuffers buffers_;
};

}  // namespace mew::tls
