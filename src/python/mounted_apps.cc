#include "python/mounted_apps.h"

#include "base/clock.h"
#include "http/grammar.h"

namespace mew::python {
namespace {

constexpr std::size_t kLongestShown = 200;  // of a path in the log

}  // namespace

bool MountedApps::take(PyObject* pairs) {
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(pairs); ++i) {
        PyObject* prefix = nullptr;
        PyObject* app = nullptr;
        if (!PyArg_ParseTuple(PyList_GET_ITEM(pairs, i), "UO", &prefix, &app)) return false;
        // As the bytes that the option was; a path is compared by bytes.
        const PyRef bytes =
            PyRef::steal(PyUnicode_AsEncodedString(prefix, "utf-8", "surrogateescape"));
        if (!bytes) return false;
        mounts_.add({PyBytes_AS_STRING(bytes.get()),
                     static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.get()))});
        apps_.push_back(PyRef::borrow(app == Py_None ? nullptr : app));
    }
    return true;
}

void MountedApps::set_listeners(const std::vector<net::ListenerInfo>& listeners,
                                bool manage_script_name) {
    for (const net::ListenerInfo& listener : listeners)
        by_path_.push_back(manage_script_name || listener.protocol == net::Protocol::http);
}

MountedApps::Choice MountedApps::choose(const http::Exchange& exchange) {
    const http::RequestHead& head = exchange.head;
    const bool by_path = by_path_[exchange.peer.listener];
    std::size_t mount = 0;
    if (by_path) {
        std::string_view path = head.path();
        if (!head.path_decoded && path.find('%') != std::string_view::npos) {
            scratch_.clear();
            http::percent_decode(path, scratch_);
            path = scratch_;
        }
        mount = mounts_.find(path);
    } else {
        mount = mounts_.find_chosen(head.script_name());
    }
    if (mount == Mounts::kNone) {
        log_unmounted(exchange, by_path);
        return {};
    }
    return {apps_[mount].get(), true, by_path ? mounts_.prefix(mount) : std::string_view()};
}

void MountedApps::log_unmounted(const http::Exchange& exchange, bool by_path) {
    std::string reason = "no app is mounted for ";
    if (by_path) {
        reason += "the path " + std::string(exchange.head.path().substr(0, kLongestShown));
    } else {
        reason += "SCRIPT_NAME = '" +
                  std::string(exchange.head.script_name().substr(0, kLongestShown)) +
                  "'; with manage-script-name the path chooses";
    }
    refusal_log_.write(base::SteadyClock().now(), exchange.peer.address, 404, reason);
}

}  // namespace mew::python
