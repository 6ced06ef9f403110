// Last step of load(): the options as a whole. Looks at files, users and CPUs; changes nothing
// outside them.

#include "options/validate.h"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include "base/format.h"
#include "net/address.h"
#include "net/trusted_proxies.h"
#include "options/certificate_files.h"
#include "options/parse_value.h"
#include "options/singleton.h"
#include "os/cgroup.h"
#include "os/users.h"

namespace mew::options {
namespace {

const std::string kNowhere = "options";
// Below it a second front would take a CPU from the workers, which need more.
constexpr int kCpusForTwoFronts = 4;

// Where the option that counts was given: the last.
std::string origin_of(const Loaded& loaded, std::string_view name) {
    for (auto given = loaded.given.rbegin(); given != loaded.given.rend(); ++given)
        if (given->name == name) return given->origin;
    return kNowhere;
}

class Check {
public:
    Check(Loaded& loaded, Expected expected)
        : loaded_(loaded), options_(loaded.options), expected_(expected) {}

    void run() {
        app();
        module();
        mounts();
        singletons();
        listeners();
        check_certificate_files(
            options_, [this](auto option, const auto& text) { mistake(option, text); },
            [this](auto option, const auto& text) { warning(option, text); });
        proxies();
        identities();
        folders();
        log_target();
        warm_ups();
        switches();
        reload_check();
        fronts();
    }

private:
    void mistake(std::string_view option, std::string text) {
        loaded_.mistakes.push_back({origin_of(loaded_, option), std::move(text)});
    }
    void warning(std::string_view option, std::string text) {
        loaded_.warnings.push_back({origin_of(loaded_, option), std::move(text)});
    }

    void app() {
        if (!options_.module.empty() && !options_.wsgi_file.empty())
            mistake("wsgi-file",
                    base::format("wsgi-file = {} and module = {} name two apps; leave "
                                 "one out",
                                 printable(options_.wsgi_file), printable(options_.module)));
        const bool named =
            !options_.module.empty() || !options_.wsgi_file.empty() || !options_.mounts.empty();
        if (expected_.all && !named && options_.need_app)
            mistake("need-app",
                    "no app is named; add --module pkg.mod:app (module = pkg.mod:app "
                    "in a file) or --wsgi-file path/file.py");
    }

    void reload_check() {
        const std::string& uri = options_.reload_check;
        if (uri.empty()) return;
        const bool known = uri.front() == '/' || uri.compare(0, 7, "http://") == 0;
        const bool clean =
            std::all_of(uri.begin(), uri.end(), [](char c) { return c > ' ' && c < '\x7f'; });
        if (known && clean && uri.size() <= 2048) return;
        mistake("reload-check",
                base::format("reload-check = {} is no URI; write a path (/health), or "
                             "http://host/path where the app wants a Host",
                             printable(uri)));
    }

    void module() {
        const std::string& name = options_.module;
        if (name.empty()) return;
        if (name.find('/') != std::string::npos) {
            mistake("module", base::format("module = {} is a path; use wsgi-file for files",
                                           printable(name)));
            return;
        }
        if (is_module_text(name)) return;
        mistake("module", base::format("\"{}\" does not name an app; write pkg.mod, pkg.mod:app or "
                                       "pkg.mod:make_app()",
                                       printable(name)));
    }

    static bool is_module_text(std::string_view text) {
        const auto colon = text.find(':');
        if (!is_dotted_name(text.substr(0, colon))) return false;
        if (colon == std::string_view::npos) return true;
        std::string_view callable = text.substr(colon + 1);
        if (callable.ends_with("()")) callable.remove_suffix(2);
        return is_dotted_name(callable);
    }

    void mounts() {
        std::set<std::string_view> seen;
        if (!options_.module.empty() || !options_.wsgi_file.empty()) seen.insert("");
        for (const std::string& mount : options_.mounts) {
            const std::string_view text = mount;
            const auto equals = text.find('=');
            const std::string shown = printable(text);
            if (equals == std::string_view::npos || equals + 1 == text.size()) {
                mistake("mount", base::format("mount = {} names no app; write /path=pkg.mod:app or "
                                              "/path=file.py",
                                              shown));
                continue;
            }
            std::string_view path = text.substr(0, equals);
            if (!path.starts_with('/')) {
                mistake("mount", base::format("mount = {} does not begin with a path; write "
                                              "/path=app (apps by host name are not there yet)",
                                              shown));
                continue;
            }
            while (path.ends_with('/')) path.remove_suffix(1);
            if (!seen.insert(path).second)
                mistake("mount",
                        base::format("mount = {}: another app serves that path already{}", shown,
                                     path.empty() ? " (module and wsgi-file serve /)" : ""));
        }
    }

    void singletons() {
        std::set<std::string> seen;
        for (const std::string& text : options_.singletons) {
            const auto singleton = parse_singleton(text);
            if (!singleton)
                mistake("singleton", singleton.error().text);
            else if (!seen.insert(singleton->name).second)
                mistake("singleton",
                        base::format("singleton = {}: the name {} is taken already; put another "
                                     "one before it, as in other={}",
                                     printable(text), printable(singleton->name),
                                     printable(singleton->target)));
        }
    }

    static bool is_any_free_port(const std::string& text) {
        using Kind = net::Address::Kind;
        const auto address = net::parse_address(text);
        if (!address || address->port != 0) return false;
        return address->kind == Kind::ipv4 || address->kind == Kind::ipv4_pattern ||
               address->kind == Kind::ipv6;
    }

    void listeners() {
        auto& addresses = options_.listen_addresses;
        if (expected_.all && expected_.address && addresses.empty())
            mistake("http", "nothing to listen on; add --http :8000 (http = :8000 in a file)");
        for (ListenAddress& listen : addresses) {
            if (listen.option == "socket") listen.protocol = socket_protocol();
        }
        for (const std::string& address : options_.shared_sockets) shared(address);
        for (const ListenAddress& listen : addresses) share(listen);
        std::map<std::string, std::string> seen;
        const auto repeated = [&](const ListenAddress& listen) {
            if (is_any_free_port(listen.address)) return false;  // another one each time
            const auto [first, fresh] = seen.emplace(listen.address, spoken_on(listen));
            if (fresh) return false;
            const std::string shown = printable(listen.address);
            if (first->second == spoken_on(listen))
                warning(listen.option, base::format("{} is given twice; it is bound once", shown));
            else
                mistake(listen.option, base::format("{} is given for two protocols; a socket can "
                                                    "speak one: leave {} out, or give it another "
                                                    "address",
                                                    shown, listen.option));
            return true;
        };
        // In order: the first of a pair stays.
        std::vector<ListenAddress> kept;
        for (ListenAddress& listen : addresses)
            if (!repeated(listen)) kept.push_back(std::move(listen));
        addresses = std::move(kept);
        for (const ListenAddress& listen : addresses) trust(listen);
    }

    // Two addresses that are one can be one socket only if this is the same for both.
    static std::string spoken_on(const ListenAddress& listen) {
        const std::string& option = listen.option;
        if (option == "https" || option == "https-dev" || option == "http-to-https") return option;
        return std::to_string(static_cast<int>(listen.protocol));
    }

    ListenAddress::Protocol socket_protocol() const {
        using Protocol = ListenAddress::Protocol;
        const std::string& name = options_.socket_protocol;
        if (name == "http") return Protocol::http;
        if (name == "puwsgi") return Protocol::uwsgi_kept;
        if (name == "fastcgi") return Protocol::fastcgi;
        return name == "scgi" ? Protocol::scgi : Protocol::uwsgi;
    }

    // Who can connect to a gateway's port says who the client is, and how it came.
    void trust(const ListenAddress& listen) {
        if (listen.protocol == ListenAddress::Protocol::http) return;
        using Kind = net::Address::Kind;
        const auto address = net::parse_address(without_share(listen.address));
        if (!address || address->kind == Kind::unix_path || address->kind == Kind::unix_abstract ||
            address->kind == Kind::descriptor || is_loopback(address->host)) {
            return;
        }
        warning(listen.option,
                base::format("{} = {}: whoever reaches this address is believed as the web server "
                             "before the app; let a firewall allow only that one, or listen on "
                             "127.0.0.1 or a UNIX socket",
                             listen.option, printable(listen.address)));
    }

    static bool is_loopback(const std::string& host) {
        return host == "localhost" || host == "::1" || host.starts_with("127.");
    }

    void shared(const std::string& text) {
        const auto address = net::parse_address(text);
        if (address && address->kind == net::Address::Kind::shared)
            mistake("shared-socket",
                    base::format("shared-socket = {}: a shared socket needs an address of its own",
                                 printable(text)));
    }

    // What `=N` stands for; others as they are.
    std::string without_share(const std::string& text) const {
        const auto address = net::parse_address(text);
        if (!address || address->kind != net::Address::Kind::shared) return text;
        const auto place = static_cast<std::size_t>(address->number);
        return place < options_.shared_sockets.size() ? options_.shared_sockets[place] : text;
    }

    void share(const ListenAddress& listen) {
        const auto address = net::parse_address(listen.address);
        if (!address || address->kind != net::Address::Kind::shared) return;
        const std::size_t count = options_.shared_sockets.size();
        if (static_cast<std::size_t>(address->number) < count) return;
        mistake(listen.option,
                base::format("{} = {} names a shared socket that is not there: {}; they count "
                             "from =0, and shared-socket = ADDRESS gives one",
                             listen.option, printable(listen.address),
                             count == 0
                                 ? "none is given"
                                 : base::format("{} {} given", count, count == 1 ? "is" : "are")));
    }

    void proxies() {
        const auto trusted = net::TrustedProxies::parse(options_.trusted_proxies);
        if (!trusted) {
            mistake("trusted-proxies", "trusted-proxies = " + trusted.error().text);
            return;
        }
        for (const auto& [name, on] :
             {std::pair("http-enable-proxy-protocol", options_.http_enable_proxy_protocol),
              std::pair("enable-proxy-protocol", options_.enable_proxy_protocol)}) {
            if (on && trusted->empty())
                mistake(name, base::format("{}: no connection would be served, as only proxies in "
                                           "trusted-proxies may send PROXY headers and there are "
                                           "none; add trusted-proxies = 10.0.0.7 (the balancer's "
                                           "address or network)",
                                           name));
        }
        if (trusted->everybody())
            warning("trusted-proxies",
                    "trusted-proxies = *: whoever connects is believed to be a proxy, and can say "
                    "that a request came from anywhere; let a firewall allow only the proxies, or "
                    "name their addresses");
        if (options_.forwarded_proto_from_anyone)
            warning("forwarded-proto-from-anyone",
                    "forwarded-proto-from-anyone: any client can pass for one that came by TLS, by "
                    "a header X-Forwarded-Proto; name the proxies in trusted-proxies instead");
    }

    void identities() {
        if (!options_.uid.empty() || !options_.gid.empty()) {
            const auto identity = os::resolve_identity(options_.uid, options_.gid);
            if (!identity) mistake(options_.uid.empty() ? "gid" : "uid", identity.error().text);
        }
        if (!options_.http_uid.empty() || !options_.http_gid.empty()) {
            const auto identity = os::resolve_identity(options_.http_uid, options_.http_gid);
            if (!identity)
                mistake(options_.http_uid.empty() ? "http-gid" : "http-uid", identity.error().text);
        }
        if (options_.chown_socket.empty()) return;
        if (const auto owner = os::resolve_owner(options_.chown_socket); !owner)
            mistake("chown-socket", owner.error().text);
    }

    // Only what is certainly absent: what we may not look into, the app's user may.
    static bool is_absent(const std::filesystem::path& path) {
        std::error_code error;
        const auto status = std::filesystem::status(path, error);
        return status.type() == std::filesystem::file_type::not_found;
    }

    void folders() {
        const std::filesystem::path base(options_.chdir);
        if (!options_.chdir.empty() && is_absent(base)) {
            mistake("chdir",
                    base::format("chdir: there is no folder {}", printable(options_.chdir)));
            return;
        }
        if (!options_.wsgi_file.empty() && is_absent(base / options_.wsgi_file))
            mistake("wsgi-file", base::format("wsgi-file: there is no file {}",
                                              printable((base / options_.wsgi_file).string())));
        if (!options_.virtualenv.empty() && is_absent(options_.virtualenv))
            mistake("virtualenv", base::format("virtualenv: there is no folder {}",
                                               printable(options_.virtualenv)));
    }

    void log_target() {
        const std::string& target = options_.logto;
        const auto colon = target.rfind(':');
        if (colon == std::string::npos || target.find('/') != std::string::npos) return;
        if (parse_integer(std::string_view(target).substr(colon + 1)))
            mistake("logto", base::format("logto = {}: logging over the network is not there yet; "
                                          "write ./{} if it is a file",
                                          printable(target), printable(target)));
    }

    void warm_ups() {
        for (const std::string& uri : options_.warm_up) {
            const bool good = (uri.starts_with("/") || uri.starts_with("http://") ||
                               uri.starts_with("https://")) &&
                              std::ranges::all_of(uri, [](char c) { return c > ' ' && c < 127; });
            if (!good)
                mistake("warm-up", base::format("warm-up = {}: write a path as /news?page=2, or "
                                                "http://example.org/news to name the host; what "
                                                "is no ASCII goes as %XX",
                                                printable(uri)));
        }
    }

    void fronts() {
        if (options_.http_processes == 0)
            options_.http_processes = os::usable_cpus() < kCpusForTwoFronts ? 1 : 2;
    }

    void switches() {
        if (!options_.master)
            warning("master", "master = false has no effect: mewsgi always has a master");
        if (options_.gevent > 0 && options_.threads > 1)
            mistake("gevent",
                    base::format("gevent = {} and threads = {} exclude each other: greenlets share "
                                 "one thread; leave one out",
                                 options_.gevent, options_.threads));
        if (options_.gevent > 0 && options_.asgi == "on")
            mistake("gevent",
                    "gevent and asgi exclude each other: an ASGI app has asyncio's loop; leave one "
                    "out");
        if (options_.lazy_apps && options_.preload == Preload::on)
            mistake("preload", "preload = on and lazy-apps exclude each other; leave one out");
    }

    Loaded& loaded_;
    Options& options_;
    Expected expected_;
};

}  // namespace

void validate(Loaded& loaded, Expected expected) { Check(loaded, expected).run(); }

}  // namespace mew::options
