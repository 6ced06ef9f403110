#include "python/asgi_scope.h"

#include <charconv>
#include <cstring>

#include "http/grammar.h"
#include "python/compat.h"
#include "python/reused_values.h"
#include "python/text.h"

namespace mew::python {

using http::FieldName;

namespace {

PyRef bytes(std::string_view text) {
    return PyRef::steal(
        PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
}

std::string_view view(PyObject* object) {
    return {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
}

long number_of(std::string_view port) {
    long number = 0;
    (void)std::from_chars(port.data(), port.data() + port.size(), number);
    return number;
}

// What a gateway's web server named; empty: it did not.
std::string_view variable(const http::RequestHead& head, std::string_view name) {
    for (const http::Variable& one : head.variables()) {
        if (head.text(one.name) == name) return head.text(one.value);
    }
    return {};
}

PyRef address_pair(std::string_view address, std::string_view port) {
    PyRef host = latin1(address);
    PyRef number = PyRef::steal(PyLong_FromLong(number_of(port)));
    if (!host || !number) return {};
    return PyRef::steal(PyTuple_Pack(2, host.get(), number.get()));
}

PyRef extensions(std::initializer_list<const char*> names) {
    PyRef all = PyRef::steal(PyDict_New());
    if (!all) return all;
    for (const char* name : names) {
        const PyRef none = PyRef::steal(PyDict_New());
        if (!none || PyDict_SetItemString(all.get(), name, none.get()) != 0) return {};
    }
    return all;
}

}  // namespace

bool AsgiScopes::prepare(const std::vector<net::ListenerInfo>& listeners) {
    keys_ = {interned("method"),      interned("http_version"), interned("path"),
             interned("raw_path"),    interned("query_string"), interned("root_path"),
             interned("headers"),     interned("client"),       interned("server"),
             interned("scheme"),      interned("state"),        interned("extensions"),
             interned("subprotocols")};
    https_ = interned("https");
    wss_ = interned("wss");
    versions_ = {interned("1.0"), interned("1.1"), interned("2"), interned("3")};
    empty_bytes_ = bytes("");
    asgi_http_ = PyRef::steal(Py_BuildValue("{s:s,s:s}", "version", "3.0", "spec_version", "2.4"));
    asgi_websocket_ =
        PyRef::steal(Py_BuildValue("{s:s,s:s}", "version", "3.0", "spec_version", "2.4"));
    http_extensions_ = extensions({"http.response.trailers", "http.response.pathsend"});
    hints_extensions_ = extensions(
        {"http.response.trailers", "http.response.pathsend", "http.response.early_hint"});
    websocket_extensions_ = extensions({"websocket.http.response"});
    for (std::size_t i = 0; i < kMethods; ++i)
        methods_[i] = interned(std::string(kMethodTexts[i]).c_str());
    for (std::size_t i = 1; i < http::kFieldNames; ++i)
        names_[i] = bytes(http::field_text(static_cast<FieldName>(i)));
    for (const net::ListenerInfo& listener : listeners) {
        http_bases_.push_back(base_dict(listener, false));
        websocket_bases_.push_back(base_dict(listener, true));
        if (!http_bases_.back() || !websocket_bases_.back()) return false;
    }
    return http_extensions_ && hints_extensions_ && websocket_extensions_ && asgi_http_ &&
           PyErr_Occurred() == nullptr;
}

PyRef AsgiScopes::base_dict(const net::ListenerInfo& listener, bool websocket) {
    PyRef dict = PyRef::steal(PyDict_New());
    PyRef server;
    if (listener.unix_socket) {
        server = PyRef::steal(Py_BuildValue("(sO)", listener.address.c_str(), Py_None));
    } else {
        const auto [host, port] = http::split_authority(listener.address);
        const bool any = host.empty() || host == "0.0.0.0" || host == "::" || host == "[::]";
        server = address_pair(any ? std::string_view(listener.server_name) : host, port);
    }
    if (!dict || !server) return {};
    PyObject* const d = dict.get();
    const bool done =
        set(d, interned("type"), interned(websocket ? "websocket" : "http")) &&
        set(d, interned("asgi"), websocket ? asgi_websocket_ : asgi_http_) &&
        set(d, keys_.scheme, interned(websocket ? "ws" : "http")) && set(d, keys_.server, server) &&
        set(d, keys_.root_path, interned("")) && set(d, keys_.client, PyRef::borrow(Py_None)) &&
        set(d, keys_.query_string, empty_bytes_) &&
        set(d, keys_.extensions, websocket ? websocket_extensions_ : http_extensions_);
    if (!done) return {};
    return dict;
}

PyRef AsgiScopes::make_http(const http::Exchange& exchange, const App& app) {
    PyRef scope = make(exchange, http_bases_, app, false);
    if (!scope) return scope;
    const std::string_view method = exchange.head.method();
    PyRef name;
    for (std::size_t i = 0; i < kMethods && !name; ++i) {
        if (kMethodTexts[i] == method) name = PyRef::borrow(methods_[i].get());
    }
    if (!name) name = latin1(method);
    if (!set(scope.get(), keys_.method, name)) return {};
    if (exchange.response.takes_hints() && !set(scope.get(), keys_.extensions, hints_extensions_))
        return {};
    return scope;
}

PyRef AsgiScopes::make_websocket(const http::Exchange& exchange, const App& app,
                                 const std::vector<std::string_view>& subprotocols) {
    PyRef scope = make(exchange, websocket_bases_, app, true);
    const PyRef list = PyRef::steal(PyList_New(0));
    if (!scope || !list) return {};
    for (const std::string_view one : subprotocols) {
        const PyRef text = latin1(one);
        if (!text || PyList_Append(list.get(), text.get()) != 0) return {};
    }
    if (!set(scope.get(), keys_.subprotocols, list)) return {};
    return scope;
}

PyRef AsgiScopes::make(const http::Exchange& exchange, const std::vector<PyRef>& bases,
                       const App& app, bool websocket) {
    const http::RequestHead& head = exchange.head;
    PyRef scope = PyRef::steal(PyDict_Copy(bases[exchange.peer.listener].get()));
    const PyRef headers = make_headers(head);
    if (!scope || !headers) return {};
    PyObject* const s = scope.get();
    const bool done =
        set(s, keys_.http_version, versions_[static_cast<std::size_t>(head.version)]) &&
        set_path(s, head, app.root_path) && set(s, keys_.headers, headers) &&
        set_client(s, exchange) && set_server(s, head) &&
        (!head.https || set(s, keys_.scheme, websocket ? wss_ : https_));
    if (!done) return {};
    if (app.state != nullptr) {
        const PyRef state = PyRef::steal(PyDict_Copy(app.state));
        if (!set(s, keys_.state, state)) return {};
    }
    return scope;
}

// The path is the whole one, root_path included; raw_path is what was received, without the query.
bool AsgiScopes::set_path(PyObject* scope, const http::RequestHead& head,
                          std::string_view root_path) {
    const std::string_view path = head.path();
    if (!last_path_ || last_target_path_ != path) {
        std::string_view text = path;
        if (!head.path_decoded && path.find('%') != std::string_view::npos) {
            scratch_.clear();
            http::percent_decode(path, scratch_);
            text = scratch_;
        }
        last_path_ = PyRef::steal(
            PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
        last_raw_path_ = bytes(path);
        last_target_path_.assign(path);
    }
    if (!set(scope, keys_.path, last_path_) || !set(scope, keys_.raw_path, last_raw_path_))
        return false;
    if (path.size() > kLongestCached) last_path_.reset();
    if (const std::string_view query = head.query(); !query.empty()) {
        if (!set(scope, keys_.query_string, bytes(query))) return false;
    }
    if (root_path.empty()) root_path = head.script_name();
    if (root_path.empty()) return true;
    const PyRef root = PyRef::steal(PyUnicode_DecodeUTF8(
        root_path.data(), static_cast<Py_ssize_t>(root_path.size()), "replace"));
    return set(scope, keys_.root_path, root);
}

bool AsgiScopes::set_client(PyObject* scope, const http::Exchange& exchange) {
    const http::Peer& peer = exchange.peer;
    if (const std::string_view client = exchange.head.client_address(); !client.empty()) {
        std::string_view port = exchange.head.client_port();
        if (port.empty()) port = variable(exchange.head, "REMOTE_PORT");
        return set(scope, keys_.client, address_pair(client, port));
    }
    if (peer.address.empty()) return true;
    Client& known = clients_[peer.tag % kClients];
    if (known.tag != peer.tag || !known.value) {
        known.tag = peer.tag;
        known.value = address_pair(peer.address, peer.port);
    }
    return set(scope, keys_.client, known.value);
}

// What a trusted proxy says that the client spoke to.
bool AsgiScopes::set_server(PyObject* scope, const http::RequestHead& head) {
    if (!head.forwarded_host) return true;
    auto [host, port] = http::split_authority(head.authority());
    if (!head.server_port().empty()) port = head.server_port();
    if (port.empty()) port = head.https ? "443" : "80";
    return set(scope, keys_.server, address_pair(host, port));
}

PyRef AsgiScopes::make_pair(FieldName id, std::string_view name, std::string_view value) {
    const auto index = static_cast<std::size_t>(id);
    if (id != FieldName::unknown) {
        PyObject* const last = last_pairs_[index].get();
        if (last != nullptr && view(PyTuple_GET_ITEM(last, 1)) == value) return PyRef::borrow(last);
    }
    PyRef key;
    if (id != FieldName::unknown) {
        key = PyRef::borrow(names_[index].get());
    } else {
        scratch_.assign(name);
        for (char& c : scratch_) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        key = bytes(scratch_);
    }
    const PyRef text = bytes(value);
    if (!key || !text) return {};
    PyRef pair = PyRef::steal(PyTuple_Pack(2, key.get(), text.get()));
    if (pair && id != FieldName::unknown && is_cacheable(id, value))
        last_pairs_[index] = PyRef::borrow(pair.get());
    return pair;
}

// As received, names in lower case, but for those that another name could be taken for (frameworks
// make CGI names of them); Host first where the authority came by other ways (RFC 9112
// 3.2.2, RFC 9113 8.3.1, or a trusted proxy).
PyRef AsgiScopes::make_headers(const http::RequestHead& head) {
    PyRef list = PyRef::steal(PyList_New(0));
    if (!list) return list;
    const bool has_authority =
        (head.absolute_target || head.forwarded_host) && !head.authority().empty();
    if (has_authority) {
        const PyRef host = make_pair(FieldName::host, "host", head.authority());
        if (!host || PyList_Append(list.get(), host.get()) != 0) return {};
    }
    for (const http::FieldSlices& field : head.fields()) {
        if (!field.cgi || (has_authority && field.id == FieldName::host)) continue;
        const PyRef pair = make_pair(field.id, head.name(field), head.value(field));
        if (!pair || PyList_Append(list.get(), pair.get()) != 0) return {};
    }
    return list;
}

}  // namespace mew::python
