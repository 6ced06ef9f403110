#include "master/sockets.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/check.h"
#include "log/log.h"
#include "master/greeting.h"
#include "net/address.h"
#include "net/socket_name.h"

namespace mew::master {
namespace {

using Kind = net::Address::Kind;

net::BindSettings bind_settings(const options::Options& options) {
    net::BindSettings settings;
    settings.backlog = options.listen;
    settings.owner = options.chown_socket;
    settings.reuse_port = options.reuse_port;
    if (!options.chmod_socket.empty())
        settings.mode = static_cast<mode_t>(std::strtoul(options.chmod_socket.c_str(), nullptr, 8));
    return settings;
}

std::string name_of(const options::ListenAddress& listen) {
    return listen.option + " " + listen.address;
}

std::string shown_giver(const net::Listener& listener) {
    if (!listener.inherited) return {};
    return listener.giver.empty() ? " (inherited)" : " (inherited " + listener.giver + ")";
}

}  // namespace

Sockets::Sockets(const options::Options& options, std::vector<net::Inherited> passed)
    : options_(options),
      passed_(std::move(passed)),
      share_used_(options.shared_sockets.size(), false) {
    if (options.skip_zero)
        std::erase_if(passed_, [](const net::Inherited& one) { return one.fd == 0; });
    for (const options::ListenAddress& listen : options.listen_addresses)
        wanted_.push_back({without_share(listen), std::nullopt});
    if (wanted_.empty()) serve_all_passed();
}

// `=N` stands for the address of a shared socket.
options::ListenAddress Sockets::without_share(options::ListenAddress listen) {
    const auto address = net::parse_address(listen.address);
    if (!address || address->kind != Kind::shared) return listen;
    const auto place = static_cast<std::size_t>(address->number);
    MEW_CHECK(place < share_used_.size());  // options are validated
    share_used_[place] = true;
    listen.address = options_.shared_sockets[place];
    return listen;
}

// Started with sockets and with no word about them: HTTP is what people mean.
void Sockets::serve_all_passed() {
    for (const net::Inherited& one : passed_)
        wanted_.push_back({{net::Protocol::http, "http", "fd://" + std::to_string(one.fd)}, {}});
}

net::Inherited Sockets::take_number(int fd) {
    net::Inherited taken{fd, ""};
    std::erase_if(passed_, [&](const net::Inherited& one) {
        if (one.fd != fd) return false;
        taken = one;
        return true;
    });
    return taken;
}

// By its number, or since it is bound to the very address.
std::optional<net::Inherited> Sockets::find_passed(const options::ListenAddress& listen) {
    const auto address = net::parse_address(listen.address);
    if (!address) return std::nullopt;  // binding will say why
    if (address->kind == Kind::descriptor) return take_number(address->number);
    const auto found = std::find_if(passed_.begin(), passed_.end(), [&](const auto& one) {
        return net::is_bound_to(one.fd, *address, listen.address);
    });
    if (found == passed_.end()) return std::nullopt;
    return take_number(found->fd);
}

std::vector<std::string> Sockets::adopt() {
    std::vector<std::string> mistakes;
    std::vector<std::pair<Wanted*, net::Inherited>> found;
    for (Wanted& wanted : wanted_) {
        auto socket = find_passed(wanted.listen);
        if (!socket) continue;
        const auto twice = [&](const auto& other) { return other.second.fd == socket->fd; };
        if (std::any_of(found.begin(), found.end(), twice)) {
            mistakes.push_back(name_of(wanted.listen) + ": this socket is given twice; leave one " +
                               "of them out");
        } else if (auto checked = net::check_listening(*socket); !checked) {
            mistakes.push_back(name_of(wanted.listen) + ": " + checked.error().text);
        } else {
            found.emplace_back(&wanted, *std::move(socket));
        }
    }
    if (!mistakes.empty()) return mistakes;
    // Not before all were checked: what is opened here must not pass for another of them.
    for (auto& [wanted, socket] : found) {
        auto listener = net::adopt_listener(wanted->listen.protocol, wanted->listen.option, socket);
        if (!listener) {
            mistakes.push_back(name_of(wanted->listen) + ": " + listener.error().text);
            continue;
        }
        wanted->listener = std::move(*listener);
    }
    return mistakes;
}

std::vector<std::string> Sockets::bind(std::vector<net::Listener>& listeners) {
    std::vector<std::string> mistakes;
    const net::BindSettings settings = bind_settings(options_);
    for (Wanted& wanted : wanted_) {
        const options::ListenAddress& listen = wanted.listen;
        if (!wanted.listener) {
            auto bound =
                net::bind_listener(listen.protocol, listen.option, listen.address, settings);
            if (!bound) {
                mistakes.push_back(name_of(listen) + ": " + bound.error().text);
                continue;
            }
            wanted.listener = std::move(*bound);
        }
        if (!wanted.listener->warning.empty())
            log::warning("backlog", "{}: {}", name_of(listen), wanted.listener->warning);
        log::info("bound", "{}{}", bound_line(wanted.listener->info),
                  shown_giver(*wanted.listener));
        listeners.push_back(*std::exchange(wanted.listener, std::nullopt));
    }
    warn_of_unused();
    return mistakes;
}

void Sockets::warn_of_unused() const {
    for (const net::Inherited& one : passed_) {
        const auto name = net::name_of_socket(one.fd);
        log::warning("socket-unused",
                     "descriptor {} (inherited {}), bound to {}, is used by no option: nobody will "
                     "answer there; add http-socket = fd://{}, or do not pass it",
                     one.fd, one.giver, name ? name->text : "nothing", one.fd);
    }
    for (std::size_t i = 0; i < share_used_.size(); ++i) {
        if (share_used_[i]) continue;
        log::warning("socket-unused",
                     "shared-socket {} is used by no option and is not bound; add "
                     "http-socket = ={}, or leave it out",
                     options_.shared_sockets[i], i);
    }
}

}  // namespace mew::master
