#pragma once
// One certificate as it is served: OpenSSL's context, and whom it lets in. Sessions share it with
// the store that made it, for the store may get another one while they live.

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "tls/handles.h"
#include "tls/material.h"
#include "tls/settings.h"

namespace mew::tls {

// Part of what a ticket is bound to: a session that was begun under one certificate, or without a
// client's, is never resumed where another one is asked for.
using Identity = std::array<unsigned char, 16>;

// Whose certificates are asked for.
struct ClientRule {
    StoreHandle trusted;
    NamesHandle names;  // told to clients
    bool required = false;
    Identity identity{};
};

struct Context {
    ContextHandle ctx;
    std::unique_ptr<ClientRule> clients;  // null: clients are not asked
    Identity identity{};
    std::string ocsp_der;
};

base::Result<std::shared_ptr<const Context>> make_context(const Certificate& certificate,
                                                          const Settings& settings);

}  // namespace mew::tls
