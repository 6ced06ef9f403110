#include "tls/store.h"

#include <string>
#include <unordered_map>
#include <utility>

#include "tls/context.h"
#include "tls/tickets.h"

namespace mew::tls {

struct Store::Served {
    std::unordered_map<std::uint32_t, std::shared_ptr<const Context>> listeners;
    std::unordered_map<std::string, std::shared_ptr<const Context>> names;
};

Store::Store() {
    initialise();
    tickets_ = std::make_unique<Tickets>();
    served_ = std::make_unique<Served>();
}

Store::~Store() = default;

base::Result<void> Store::apply(const Material& material, const Settings& settings) {
    auto served = std::make_unique<Served>();
    const auto add = [&](const Certificate& certificate) {
        auto context = make_context(certificate, settings);
        if (!context) return context;
        for (const std::string& name : certificate.names) served->names.emplace(name, *context);
        return context;
    };
    for (const Certificate& one : material.sni) {
        if (auto context = add(one); !context) return std::move(context).failure();
    }
    for (const ListenerCertificate& one : material.listeners) {
        auto context = add(one.certificate);
        if (!context) return std::move(context).failure();
        served->listeners[one.listener] = *std::move(context);
    }
    settings_ = settings;
    served_ = std::move(served);
    return {};
}

void Store::set_ticket_keys(const TicketKeys& keys) { tickets_->set_keys(keys); }

bool Store::serves(std::uint32_t listener) const { return served_->listeners.contains(listener); }

std::shared_ptr<const Context> Store::of_listener(std::uint32_t listener) const {
    const auto found = served_->listeners.find(listener);
    return found == served_->listeners.end() ? nullptr : found->second;
}

std::shared_ptr<const Context> Store::of_name(std::string_view name) const {
    if (served_->names.empty() || name.empty()) return nullptr;
    auto found = served_->names.find(std::string(name));
    if (found == served_->names.end()) {
        const std::size_t dot = name.find('.');
        if (dot == std::string_view::npos || dot == 0) return nullptr;
        found = served_->names.find("*" + std::string(name.substr(dot)));
    }
    return found == served_->names.end() ? nullptr : found->second;
}

}  // namespace mew::tls
