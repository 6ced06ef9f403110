#include "master/restart_options.h"

namespace mew::master {
namespace {

template <class Value>
void keep(const char* name, const Value& running, Value& fresh, std::vector<std::string>& changed) {
    if (running == fresh) return;
    changed.emplace_back(name);
    fresh = running;
}

}  // namespace

std::vector<std::string> keep_restart_options(const options::Options& running,
                                              options::Options& fresh) {
    std::vector<std::string> changed;
    // Certificates may change, and their files; whose address is another one has no listener.
    if (running.listen_addresses != fresh.listen_addresses) fresh.https = running.https;
    keep("listening addresses", running.listen_addresses, fresh.listen_addresses, changed);
    fresh.socket_protocol = running.socket_protocol;  // told by the addresses
    keep("shared-socket", running.shared_sockets, fresh.shared_sockets, changed);
    keep("skip-zero", running.skip_zero, fresh.skip_zero, changed);
    keep("thunder-lock", running.thunder_lock, fresh.thunder_lock, changed);
    keep("reuse-port", running.reuse_port, fresh.reuse_port, changed);
    keep("listen", running.listen, fresh.listen, changed);
    keep("chmod-socket", running.chmod_socket, fresh.chmod_socket, changed);
    keep("chown-socket", running.chown_socket, fresh.chown_socket, changed);
    keep("uid", running.uid, fresh.uid, changed);
    keep("gid", running.gid, fresh.gid, changed);
    keep("pidfile", running.pidfile, fresh.pidfile, changed);
    keep("master-fifo", running.master_fifo, fresh.master_fifo, changed);
    keep("master", running.master, fresh.master, changed);
    keep("dev", running.dev, fresh.dev, changed);
    keep("log-json", running.log_json, fresh.log_json, changed);
    // From a file to standard error there is no way: 2 became the file at the start.
    if (running.logto.empty() != fresh.logto.empty())
        keep("logto", running.logto, fresh.logto, changed);
    return changed;
}

}  // namespace mew::master
