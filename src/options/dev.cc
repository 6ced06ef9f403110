#include "options/dev.h"

#include <algorithm>
#include <string_view>

#include "base/format.h"
#include "net/address.h"
#include "options/parse_value.h"
#include "options/row.h"

namespace mew::options {
namespace {

// A page may open a stream and go on asking, and an app may ask itself: as many at a time as
// development servers of frameworks, which take a thread for each, commonly need.
constexpr int kThreads = 8;
constexpr Milliseconds kLook{1000};
// What runs on: streams without an end, and people at a debugger's prompt.
constexpr Milliseconds kMercy{1000};
// What waits behind a debugger's prompt shall not time out.
constexpr Milliseconds kPatience{24 * 3600 * 1000};

const Given* find_given(const Loaded& loaded, std::string_view name) {
    const auto found = std::find_if(loaded.given.rbegin(), loaded.given.rend(),
                                    [&](const Given& given) { return given.name == name; });
    return found == loaded.given.rend() ? nullptr : &*found;
}

bool is_reachable_from_outside(const std::string& text) {
    using Kind = net::Address::Kind;
    const auto address = net::parse_address(text);
    if (!address) return false;  // told already
    switch (address->kind) {
        case Kind::unix_path:
        case Kind::unix_abstract:
        case Kind::descriptor:  // the launcher looks at the socket itself
        case Kind::shared:      // its address is among shared_sockets
            return false;
        case Kind::ipv4:
        case Kind::ipv4_pattern:
        case Kind::ipv6:
            break;
    }
    const std::string& host = address->host;
    return host != "localhost" && host != "::1" && !host.starts_with("127.");
}

void refuse(Loaded& loaded, std::string_view option, const std::string& address) {
    if (!is_reachable_from_outside(address)) return;
    const Given* const given = find_given(loaded, option);
    loaded.mistakes.push_back(
        {given == nullptr ? "options" : given->origin,
         base::format("{} = {}: mewsgi dev shows source code to whoever asks, so it listens on "
                      "this machine's own addresses only; write 127.0.0.1:{}, or leave dev out",
                      option, printable(address), kOwnPort)});
}

}  // namespace

void complete_for_dev(Loaded& loaded) {
    Options& options = loaded.options;
    const auto given = [&](std::string_view name) { return find_given(loaded, name) != nullptr; };
    if (const Given* const processes = find_given(loaded, "processes");
        processes != nullptr && options.processes != 1)
        loaded.warnings.push_back(
            {processes->origin,
             base::format("processes = {}: mewsgi dev has one worker", processes->value)});
    options.processes = 1;
    options.processes_auto = false;
    options.reload_check.clear();  // what answers 500 shall be seen
    if (!given("threads") && options.gevent == 0) options.threads = kThreads;
    if (!given("http-processes")) options.http_processes = 1;
    if (!given("py-autoreload")) options.py_autoreload = kLook;
    // One at a time has the terminal, and what the import opens.
    if (!given("reload-strategy")) options.reload_strategy = "stop-start";
    if (!given("worker-reload-mercy")) options.worker_reload_mercy = kMercy;
    if (!given("reload-mercy")) options.reload_mercy = kMercy;
    if (!given("stop-mercy")) options.stop_mercy = kMercy;
    if (!given("http-queue-timeout")) options.http_queue_timeout = kPatience;
}

void confine_dev(Loaded& loaded) {
    for (const ListenAddress& listen : loaded.options.listen_addresses)
        refuse(loaded, listen.option, listen.address);
    for (const std::string& shared : loaded.options.shared_sockets)
        refuse(loaded, "shared-socket", shared);
    loaded.options.need_app = false;
}

bool may_choose_port(const Loaded& loaded) {
    const auto names_address = [](const Given& given) {
        const Row* const row = find_row(given.name);
        return row != nullptr && row->type == Type::address;
    };
    return loaded.options.dev && loaded.options.listen_addresses.size() == 1 &&
           std::none_of(loaded.given.begin(), loaded.given.end(), names_address);
}

}  // namespace mew::options
