// The generated name list, and what we know to say about some of the names.

#include "options/uwsgi_names.h"

#include <algorithm>
#include <array>

namespace mew::options {
namespace {

constexpr UwsgiName kNames[] = {
#include "options/generated/uwsgi_names.inc"
};

struct Advice {
    std::string_view name;
    bool fatal;
    std::string_view text;
};

constexpr std::string_view kUseHttps = "use https = ADDRESS,CERTIFICATE,KEY";
constexpr std::string_view kNoTlsUwsgi = "use socket = ADDRESS, and TLS before the web server only";
constexpr std::string_view kOldTls =
    "nothing older than TLS 1.2 is spoken, which no browser of today needs; leave it out";
constexpr std::string_view kNoNph = "use the option without nph: web servers take its answers";
constexpr std::string_view kKeepsConnections = "use http-socket, which keeps connections";
constexpr std::string_view kUseIni = "write the options into an INI file and use ini = FILE";
constexpr std::string_view kUseHttp = "use http = ADDRESS or http-socket = ADDRESS";

constexpr std::string_view kNoProxy =
    "http = ADDRESS serves this server's own app; let a web server such as nginx reach others";
constexpr std::string_view kUseGevent =
    "use gevent = N for many requests at once in greenlets, or threads = N; ASGI apps need neither";
constexpr std::string_view kUseStatus = "mewsgi status --json tells what fronts do";

constexpr Advice kAdvice[] = {
    {"suwsgi-socket", true, kNoTlsUwsgi},
    {"ssl-socket", true, kNoTlsUwsgi},
    {"https-socket", true, kUseHttps},
    {"sslrouter", true, kUseHttps},
    {"sslrouter2", true, kUseHttps},
    {"ssl-enable-tlsv1", true, kOldTls},
    {"ssl-enable-sslv3", true, kOldTls},
    {"ssl-enable3", true, kOldTls},
    {"ssl-option", false, "tls-min-version and the ciphers of https choose what is spoken"},
    {"sni-regexp", true, "use sni = *.example.org CERTIFICATE,KEY, or sni-dir = FOLDER"},
    {"http-to", true, kNoProxy},
    {"http-use-base", true, kNoProxy},
    {"http-use-cache", true, kNoProxy},
    {"http-use-code-string", true, kNoProxy},
    {"http-use-pattern", true, kNoProxy},
    {"http-subscription-server", true, kNoProxy},
    {"http-zerg", true, kNoProxy},
    {"http-fallback", false, "after a worker's death http-retry decides"},
    {"http-gracetime", false, "a worker that died is replaced at once"},
    {"http-stats", false, kUseStatus},
    {"http-stats-server", false, kUseStatus},
    {"http-ss", false, kUseStatus},
    {"http-auto-gzip", false, "compress in the app, or in a web server before it"},
    {"http11-socket", true, kKeepsConnections},
    {"fastcgi-nph-socket", true, kNoNph},
    {"scgi-nph-socket", true, kNoNph},
    {"raw-socket", true, kUseHttp},
    {"fastrouter", true, kUseHttp},
    {"rawrouter", true, kUseHttp},
    {"forkptyrouter", true, kUseHttp},
    {"inherit", true, "use ini = FILE at the place where the options shall act"},
    {"yaml", true, kUseIni},
    {"yml", true, kUseIni},
    {"json", true, kUseIni},
    {"js", true, kUseIni},
    {"xml", true, kUseIni},
    {"xmlconfig", true, kUseIni},
    {"emperor", true, "start one mewsgi for each of its configurations"},
    {"daemonize", false, "mewsgi stays in the foreground; let systemd or the like run it"},
    {"daemonize2", false, "mewsgi stays in the foreground; let systemd or the like run it"},
    {"async", false, kUseGevent},
    {"asyncio", false, kUseGevent},
    {"ugreen", false, kUseGevent},
    {"greenlet", false, kUseGevent},
    {"loop", false,
     "the loop follows from the app: asgi-loop names that of ASGI apps, gevent = N is "
     "another one"},
    {"lazy", false, "use lazy-apps"},
    {"threads", false, "use processes = N; each worker serves one request at a time"},
    {"harakiri", false, "requests may take as long as they do"},
    {"max-requests", false, "workers live until they are stopped"},
    {"logger", false, "use logto = FILE"},
    {"req-logger", false, "use logto = FILE"},
    {"logto2", false, "use logto = FILE"},
    {"static-map", false, "let the web server before it serve static files"},
    {"check-static", false, "let the web server before it serve static files"},
};

const Advice* find_advice(std::string_view name) {
    const auto* const found = std::find_if(std::begin(kAdvice), std::end(kAdvice),
                                           [&](const Advice& a) { return a.name == name; });
    return found == std::end(kAdvice) ? nullptr : found;
}

}  // namespace

std::span<const UwsgiName> uwsgi_names() { return kNames; }

const UwsgiName* find_uwsgi_name(std::string_view name) {
    const auto* const found =
        std::lower_bound(std::begin(kNames), std::end(kNames), name,
                         [](const UwsgiName& a, std::string_view b) { return a.name < b; });
    return found != std::end(kNames) && found->name == name ? found : nullptr;
}

const UwsgiName* find_uwsgi_short(char letter) {
    if (letter == '\0') return nullptr;
    const auto* const found =
        std::find_if(std::begin(kNames), std::end(kNames),
                     [&](const UwsgiName& a) { return a.short_form == letter; });
    return found == std::end(kNames) ? nullptr : found;
}

bool must_not_be_ignored(std::string_view name) {
    const Advice* const advice = find_advice(name);
    return advice != nullptr && advice->fatal;
}

std::string_view advice_for(std::string_view name) {
    const Advice* const advice = find_advice(name);
    return advice == nullptr ? std::string_view() : advice->text;
}

}  // namespace mew::options
