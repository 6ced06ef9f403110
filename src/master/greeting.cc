#include "master/greeting.h"

#include "base/format.h"

namespace mew::master {
namespace {

std::string host_of(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    return colon == std::string::npos ? address : address.substr(0, colon);
}

// What web servers call it in their configuration.
std::string_view protocol_name(net::Protocol protocol) {
    switch (protocol) {
        case net::Protocol::http:
            return "http";
        case net::Protocol::uwsgi:
        case net::Protocol::uwsgi_kept:
            return "uwsgi";
        case net::Protocol::fastcgi:
            return "fastcgi";
        case net::Protocol::scgi:
            return "scgi";
    }
    return "";
}

}  // namespace

std::string banner(const std::string& version, int pid, const Interpreter& interpreter) {
    return base::format("mewsgi {} (pid {}), Python {} at {} ({})", version, pid,
                        interpreter.version, interpreter.path, interpreter.reason);
}

std::string bound_line(const net::ListenerInfo& listener) {
    // The port that is, not the 0 that was asked for.
    const std::string place = listener.unix_socket
                                  ? listener.address
                                  : host_of(listener.address) + ":" + listener.server_port;
    return base::format("{} bound on {} fd {}", listener.option, place, listener.fd);
}

std::string reachable_url(const net::ListenerInfo& listener) {
    const std::string_view protocol = protocol_name(listener.protocol);
    const bool http = listener.protocol == net::Protocol::http;
    if (listener.unix_socket)
        return base::format("{}{}unix:{}", http ? "" : protocol, http ? "" : " ", listener.address);
    std::string host = host_of(listener.address);
    // Bound to every address: the one that surely works here is this machine's own.
    if (host.empty() || host == "*" || host == "0.0.0.0" || host == "[::]") host = "localhost";
    const bool tls = listener.option == "https" || listener.option == "https-dev";
    return base::format("{}{}{}{}:{}", protocol, tls ? "s" : "", http ? "://" : " ", host,
                        listener.server_port);
}

std::string serving_line(const std::vector<net::ListenerInfo>& listeners, int pid, bool on_terminal,
                         bool dev) {
    std::string places;
    for (const net::ListenerInfo& listener : listeners)
        places += (places.empty() ? "" : ", ") + reachable_url(listener);
    std::string line = "serving on " + places;
    if (dev) return line + " - reloads when you save a file, Ctrl+C stops";
    if (on_terminal)
        line += base::format(" - Ctrl+C stops, `mewsgi reload {}` loads new code", pid);
    return line;
}

}  // namespace mew::master
