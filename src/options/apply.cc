// Typed fields: parse, bound, store, show. Runs wherever options are loaded or a block is read.

#include "options/apply.h"

#include <algorithm>
#include <limits>

#include "base/format.h"
#include "net/address.h"
#include "options/certificate_text.h"
#include "options/parse_value.h"
#include "os/cgroup.h"

namespace mew::options {
namespace {

template <class... Cases>
struct Overloaded : Cases... {
    using Cases::operator()...;
};
template <class... Cases>
Overloaded(Cases...) -> Overloaded<Cases...>;

constexpr std::size_t kLongestShown = 400;  // of an address that is none

std::string show_bound(const Row& row, std::int64_t bound) {
    if (row.type == Type::duration) return show_duration(Milliseconds(bound));
    return std::to_string(bound);
}

base::Result<std::int64_t> in_bounds(const Row& row, std::int64_t value) {
    if (value >= row.bounds.low && value <= row.bounds.high) return value;
    return base::fail(base::format("{} is outside {} to {}", show_bound(row, value),
                                   show_bound(row, row.bounds.low),
                                   show_bound(row, row.bounds.high)));
}

base::Result<std::int64_t> parse_number(const Row& row, std::string_view text) {
    auto value = row.type == Type::bytes ? parse_bytes(text) : parse_integer(text);
    if (!value) return std::move(value).failure();
    return in_bounds(row, *value);
}

base::Result<Milliseconds> parse_bounded_duration(const Row& row, std::string_view text) {
    auto value = parse_duration(text);
    if (!value) return value;
    if (auto bounded = in_bounds(row, value->count()); !bounded)
        return std::move(bounded).failure();
    return value;
}

base::Result<void> check_address(std::string_view text) {
    const auto address = net::parse_address(std::string(text));
    if (!address) return base::fail(printable(address.error().text, kLongestShown));
    return {};
}

base::Result<std::string> parse_text(const Row& row, std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return base::fail("holds a NUL byte");
    const auto is_octal = [](char c) { return c >= '0' && c <= '7'; };
    if (row.type == Type::octal &&
        (text.empty() || text.size() > 4 || !std::all_of(text.begin(), text.end(), is_octal)))
        return base::fail(base::format("\"{}\" is not a file mode; write it in octal, as in 660",
                                       printable(text)));
    if (row.type == Type::address) {
        if (auto known = check_address(text); !known) return std::move(known).failure();
    }
    if (row.type == Type::choice) {
        const auto known = words(row.choices);
        if (std::find(known.begin(), known.end(), text) == known.end())
            return base::fail(
                base::format("\"{}\" is not one of: {}", printable(text), base::join(known, ", ")));
    }
    return std::string(text);
}

base::Result<Preload> parse_preload(const Row& row, std::string_view text) {
    if (text == "auto") return Preload::automatic;
    if (!text.empty() && is_usual_boolean(text))
        return parse_boolean(text) ? Preload::on : Preload::off;
    return base::fail(base::format("\"{}\" is not one of: {}", printable(text),
                                   base::join(words(row.choices), ", ")));
}

template <class Target, class Value>
base::Result<void> store(Target& target, base::Result<Value> value) {
    if (!value) return std::move(value).failure();
    target = static_cast<Target>(*std::move(value));
    return {};
}

using Protocol = ListenAddress::Protocol;

Protocol protocol_of_option(std::string_view option) {
    if (option == "socket" || option == "uwsgi-socket") return Protocol::uwsgi;
    if (option == "puwsgi-socket") return Protocol::uwsgi_kept;
    if (option == "fastcgi-socket") return Protocol::fastcgi;
    if (option == "scgi-socket") return Protocol::scgi;
    return Protocol::http;
}

std::string_view preload_text(Preload value) {
    if (value == Preload::automatic) return "auto";
    return value == Preload::on ? "on" : "off";
}

base::Result<void> add_https(Options& options, base::Result<CertificateText> certificate) {
    if (!certificate) return std::move(certificate).failure();
    if (auto known = check_address(certificate->name); !known) return known;
    options.listen_addresses.push_back({Protocol::http, "https", certificate->name});
    options.https.push_back(https_text(*certificate));
    return {};
}

}  // namespace

// `socket` speaks what `protocol` says, which may come later: see validate.
base::Result<void> apply_listener(Options& options, const Row& row, std::string_view value) {
    if (auto known = check_address(value); !known) return known;
    options.listen_addresses.push_back(
        {protocol_of_option(row.name), std::string(row.name), std::string(value)});
    return {};
}

base::Result<void> apply_https(Options& options, const Row&, std::string_view value) {
    return add_https(options, parse_https(value));
}

base::Result<void> apply_https2(Options& options, const Row&, std::string_view value) {
    return add_https(options, parse_https2(value));
}

base::Result<void> apply_sni(Options& options, const Row&, std::string_view value) {
    if (auto certificate = parse_sni(value); !certificate) return std::move(certificate).failure();
    options.sni.emplace_back(value);
    return {};
}

base::Result<void> apply_env(Options& options, const Row&, std::string_view value) {
    const auto equals = value.find('=');
    const std::string_view name = value.substr(0, equals);
    if (name.empty()) return base::fail("a name is needed: NAME=VALUE, or NAME to unset it");
    if (value.find('\0') != std::string_view::npos) return base::fail("holds a NUL byte");
    EnvironmentChange change{std::string(name), std::nullopt};
    if (equals != std::string_view::npos) change.value = std::string(value.substr(equals + 1));
    options.env.push_back(std::move(change));
    return {};
}

base::Result<void> apply_processes(Options& options, const Row& row, std::string_view value) {
    const bool automatic = value == "auto" || value == "%k";
    if (!automatic) {
        auto number = parse_number(row, value);
        if (!number)
            return base::fail(number.error().text + "; write a number, or auto for one per CPU");
        options.processes = static_cast<int>(*number);
    } else {
        options.processes = std::clamp(os::usable_cpus(), 1, static_cast<int>(row.bounds.high));
    }
    options.processes_auto = automatic;
    return {};
}

// How many `auto` are is known at the end of load(): most who say nothing mean it.
base::Result<void> apply_http_processes(Options& options, const Row& row, std::string_view value) {
    return store(options.http_processes, parse_number(row, value == "auto" ? "0" : value));
}

// uWSGI knows the bare name and small numbers used as "on"; one second would be of no use.
base::Result<void> apply_keepalive(Options& options, const Row& row, std::string_view value) {
    if (!value.empty() && is_usual_boolean(value)) {
        options.http_keepalive = parse_boolean(value) ? Options{}.http_keepalive : Milliseconds{0};
        return {};
    }
    return store(options.http_keepalive, parse_bounded_duration(row, value));
}

base::Result<void> apply_timeout(Options& options, const Row& row, std::string_view value) {
    auto duration = parse_bounded_duration(row, value);
    if (!duration) return std::move(duration).failure();
    options.http_body_timeout = *duration;
    options.http_send_timeout = *duration;
    return {};
}

std::vector<std::string> addresses_of(const Options& options, std::string_view option) {
    std::vector<std::string> found;
    for (const ListenAddress& listen : options.listen_addresses)
        if (listen.option == option) found.push_back(listen.address);
    return found;
}
std::vector<std::string> show_env(const Options& options) {
    std::vector<std::string> shown;
    shown.reserve(options.env.size());
    for (const EnvironmentChange& change : options.env)
        shown.push_back(change.value ? change.name + "=" + *change.value : change.name);
    return shown;
}
std::vector<std::string> show_processes(const Options& options) {
    return {std::to_string(options.processes)};
}
std::vector<std::string> show_http_processes(const Options& options) {
    return {options.http_processes == 0 ? "auto" : std::to_string(options.http_processes)};
}
std::vector<std::string> show_keepalive(const Options& options) {
    // "1s", never "1": see apply_keepalive.
    return {show_duration(options.http_keepalive)};
}

base::Result<void> apply_value(Options& options, const Row& row, std::string_view value) {
    return std::visit(
        Overloaded{
            [](std::monostate) -> base::Result<void> { return {}; },
            [&](bool Options::*field) -> base::Result<void> {
                options.*field = parse_boolean(value);
                return {};
            },
            [&](Milliseconds Options::*field) {
                return store(options.*field, parse_bounded_duration(row, value));
            },
            [&](std::string Options::*field) {
                return store(options.*field, parse_text(row, value));
            },
            [&](std::vector<std::string> Options::*field) -> base::Result<void> {
                auto text = parse_text(row, value);
                if (!text) return std::move(text).failure();
                (options.*field).push_back(*std::move(text));
                return {};
            },
            [&](Preload Options::*field) {
                return store(options.*field, parse_preload(row, value));
            },
            [&](const Custom& custom) { return custom.apply(options, row, value); },
            [&](auto field) { return store(options.*field, parse_number(row, value)); },
        },
        row.field);
}

std::vector<std::string> show_values(const Options& options, const Row& row) {
    using List = std::vector<std::string>;
    return std::visit(
        Overloaded{
            [](std::monostate) { return List{}; },
            [&](bool Options::*field) { return List{options.*field ? "true" : "false"}; },
            [&](Milliseconds Options::*field) { return List{show_duration(options.*field)}; },
            [&](std::string Options::*field) {
                return (options.*field).empty() ? List{} : List{options.*field};
            },
            [&](std::vector<std::string> Options::*field) { return options.*field; },
            [&](Preload Options::*field) {
                return List{std::string(preload_text(options.*field))};
            },
            [&](const Custom& custom) { return custom.show ? custom.show(options) : List{}; },
            [&](auto field) { return List{std::to_string(options.*field)}; },
        },
        row.field);
}

Effective::Value typed_value(const Options& options, const Row& row) {
    if ((row.flags & kRepeatable) != 0) return show_values(options, row);
    const auto texts = show_values(options, row);
    std::string text = texts.empty() ? std::string() : texts.front();
    switch (row.type) {
        case Type::boolean:
            return parse_boolean(text);
        case Type::integer:
        case Type::bytes:
            if (const auto number = parse_integer(text)) return *number;
            return text;
        case Type::duration:
            if (const auto duration = parse_duration(text))
                return static_cast<double>(duration->count()) / 1000.0;
            return text;
        default:
            return text;
    }
}

bool has_value(const Row& row) {
    return !std::holds_alternative<std::monostate>(row.field) && (row.flags & kDerived) == 0;
}

}  // namespace mew::options
