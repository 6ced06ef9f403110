#include "python/wsgi_environ.h"

#include <charconv>
#include <cstring>

#include "http/grammar.h"
#include "python/reused_values.h"
#include "python/text.h"

namespace mew::python {

using http::FieldName;

namespace {

bool same_text(PyObject* object, std::string_view text) {
    return object != nullptr &&
           PyUnicode_GET_LENGTH(object) == static_cast<Py_ssize_t>(text.size()) &&
           PyUnicode_KIND(object) == PyUnicode_1BYTE_KIND &&
           std::memcmp(PyUnicode_1BYTE_DATA(object), text.data(), text.size()) == 0;
}

bool set(PyObject* dict, const char* key, PyRef value) {
    const PyRef name = interned(key);
    return set(dict, name, value);
}

// HTTP_ACCEPT_ENCODING from accept-encoding; RFC 3875 4.1.18, and 4.1.2, 4.1.3 for the two without
// the prefix.
std::string cgi_key(std::string_view name) {
    std::string key = "HTTP_";
    if (http::equals_ignoring_case("content-type", name) ||
        http::equals_ignoring_case("content-length", name)) {
        key.clear();
    }
    for (char c : name) {
        if (c == '-')
            key += '_';
        else
            key += c >= 'a' && c <= 'z' ? static_cast<char>(c & ~0x20) : c;
    }
    return key;
}

}  // namespace

bool Environ::prepare_keys() {
    keys_.method = interned("REQUEST_METHOD");
    keys_.path = interned("PATH_INFO");
    keys_.query = interned("QUERY_STRING");
    keys_.uri = interned("REQUEST_URI");
    keys_.protocol = interned("SERVER_PROTOCOL");
    keys_.address = interned("REMOTE_ADDR");
    keys_.port = interned("REMOTE_PORT");
    keys_.host = interned("HTTP_HOST");
    keys_.content_length = interned("CONTENT_LENGTH");
    keys_.core = interned("uwsgi.core");
    keys_.wsgi_input = interned("wsgi.input");
    keys_.script_name = interned("SCRIPT_NAME");
    keys_.url_scheme = interned("wsgi.url_scheme");
    keys_.https = interned("HTTPS");
    https_ = interned("https");
    on_ = interned("on");
    protocols_ = {interned("HTTP/1.0"), interned("HTTP/1.1"), interned("HTTP/2.0"),
                  interned("HTTP/3.0")};
    for (std::size_t i = 0; i < kMethods; ++i) {
        methods_[i] = interned(std::string(kMethodTexts[i]).c_str());
    }
    for (std::size_t i = 1; i < http::kFieldNames; ++i) {
        const std::string_view name = http::field_text(static_cast<FieldName>(i));
        field_keys_[i] = interned(cgi_key(name).c_str());
    }
    return PyErr_Occurred() == nullptr;
}

PyRef Environ::base_dict(const EnvironSettings& settings, const net::ListenerInfo& listener,
                         PyObject* file_wrapper) {
    PyRef dict = PyRef::steal(PyDict_New());
    if (!dict) return dict;
    PyObject* errors = PySys_GetObject("stderr");  // borrowed
    const auto truth = [](bool value) { return PyRef::steal(PyBool_FromLong(value)); };
    const auto bytes = [](std::string_view text) {
        return PyRef::steal(
            PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size())));
    };
    PyObject* d = dict.get();
    const bool done = set(d, "wsgi.version", PyRef::steal(Py_BuildValue("(ii)", 1, 0))) &&
                      set(d, "wsgi.url_scheme", latin1("http")) &&
                      set(d, "wsgi.errors", PyRef::borrow(errors ? errors : Py_None)) &&
                      set(d, "wsgi.multithread", truth(settings.multithread)) &&
                      set(d, "wsgi.multiprocess", truth(settings.multiprocess)) &&
                      set(d, "wsgi.run_once", truth(false)) &&
                      set(d, "wsgi.input_terminated", truth(true)) &&
                      set(d, "wsgi.file_wrapper", PyRef::borrow(file_wrapper)) &&
                      set(d, "uwsgi.version", bytes(settings.version)) &&
                      set(d, "uwsgi.node", bytes(listener.server_name)) &&
                      set(d, "SERVER_NAME", latin1(listener.server_name)) &&
                      set(d, "SERVER_PORT", latin1(listener.server_port)) &&
                      set(d, "SERVER_SOFTWARE", latin1("mewsgi")) &&
                      set(d, "SCRIPT_NAME", latin1("")) && set(d, "QUERY_STRING", latin1("")) &&
                      set(d, "CONTENT_TYPE", latin1("")) && set(d, "CONTENT_LENGTH", latin1(""));
    if (!done) return PyRef();
    return dict;
}

bool Environ::prepare(const EnvironSettings& settings, PyObject* file_wrapper) {
    if (!prepare_keys()) return false;
    cores_ = settings.cores;
    for (const net::ListenerInfo& listener : settings.listeners) {
        bases_.push_back(base_dict(settings, listener, file_wrapper));
        if (!bases_.back()) return false;
    }
    return true;
}

PyObject* Environ::make(const http::Exchange& exchange) {
    const PyObject* base = bases_[exchange.peer.listener].get();
    PyRef environ = PyRef::steal(PyDict_Copy(const_cast<PyObject*>(base)));
    if (!environ) return nullptr;
    const bool done =
        set_request_line(environ.get(), exchange.head) && set_peer(environ.get(), exchange) &&
        set_fields(environ.get(), exchange.head) && set_variables(environ.get(), exchange.head) &&
        set_forwarded(environ.get(), exchange.head) && set_scheme(environ.get(), exchange.head) &&
        set_body_size(environ.get(), exchange);
    if (!done || (cores_ > 1 && !set_core(environ.get(), exchange.core))) return nullptr;
    return environ.release();
}

bool Environ::set_core(PyObject* environ, int core) {
    return set(environ, keys_.core, PyRef::steal(PyLong_FromLong(core)));
}

bool Environ::set_request_line(PyObject* environ, const http::RequestHead& head) {
    const std::string_view method = head.method();
    PyObject* known = nullptr;
    for (std::size_t i = 0; i < kMethods && known == nullptr; ++i) {
        if (kMethodTexts[i] == method) known = methods_[i].get();
    }
    const PyRef name = known != nullptr ? PyRef::borrow(known) : latin1(method);
    const PyRef& protocol = protocols_[static_cast<std::size_t>(head.version)];
    if (!set(environ, keys_.method, name) || !set(environ, keys_.protocol, protocol)) return false;
    return set_path(environ, head);
}

bool Environ::set_path(PyObject* environ, const http::RequestHead& head) {
    // "OPTIONS *" has no path: PATH_INFO is empty or starts with a slash (RFC 3875 4.1.5).
    const std::string_view path = head.path() == "*" ? std::string_view() : head.path();
    const std::string_view query = head.query();
    if (!same_text(last_path_.get(), path)) {
        last_path_ = PyRef();  // a slot, not a cache of secrets: gone with the next request
        last_path_ = latin1(path);
    }
    const bool plain = path == head.target();
    PyRef uri = plain ? PyRef::borrow(last_path_.get()) : latin1(head.target());
    PyRef decoded;
    if (head.path_decoded || path.find('%') == std::string_view::npos) {
        decoded = PyRef::borrow(last_path_.get());
    } else {
        scratch_.clear();
        http::percent_decode(path, scratch_);
        decoded = latin1(scratch_);
    }
    if (!set(environ, keys_.uri, uri) || !set(environ, keys_.path, decoded)) return false;
    if (const std::string_view script = head.script_name(); !script.empty()) {
        if (!same_text(last_script_name_.get(), script)) last_script_name_ = latin1(script);
        if (!set(environ, keys_.script_name, last_script_name_)) return false;
    }
    return query.empty() || set(environ, keys_.query, latin1(query));
}

bool Environ::set_mount(PyObject* environ, const http::RequestHead& head, std::string_view prefix) {
    std::string_view path = head.path();
    if (!head.path_decoded) {
        scratch_.clear();
        http::percent_decode(path, scratch_);
        path = scratch_;
    }
    path.remove_prefix(prefix.size());
    return set(environ, "SCRIPT_NAME", latin1(prefix)) && set(environ, keys_.path, latin1(path));
}

bool Environ::set_peer(PyObject* environ, const http::Exchange& exchange) {
    const http::Peer& peer = exchange.peer;
    if (const std::string_view client = exchange.head.client_address(); !client.empty()) {
        // The peer is a proxy. A gateway's REMOTE_PORT is among the variables.
        if (!same_text(last_client_address_.get(), client)) last_client_address_ = latin1(client);
        return set(environ, keys_.address, last_client_address_) &&
               set(environ, keys_.port, latin1(exchange.head.client_port()));
    }
    PeerValues& values = peers_[peer.tag % kPeers];
    if (values.tag != peer.tag || !values.address) {
        values.tag = peer.tag;
        values.address = latin1(peer.address);
        values.port = latin1(peer.port);
    }
    return set(environ, keys_.address, values.address) && set(environ, keys_.port, values.port);
}

PyRef Environ::value_of(FieldName id, std::string_view text) {
    PyRef& last = last_values_[static_cast<std::size_t>(id)];
    if (same_text(last.get(), text)) return PyRef::borrow(last.get());
    PyRef made = latin1(text);
    if (made && is_cacheable(id, text)) last = PyRef::borrow(made.get());
    return made;
}

bool Environ::set_known(PyObject* environ, FieldName id, std::string_view value, bool repeated) {
    const PyRef& key = field_keys_[static_cast<std::size_t>(id)];
    if (!repeated) return set(environ, key, value_of(id, value));
    PyObject* first = PyDict_GetItemWithError(environ, key.get());  // borrowed
    if (first == nullptr) return false;
    // RFC 9110 5.3: lines of one field are one list; RFC 9113 8.2.3: but cookies join by "; ".
    const char* format = id == FieldName::cookie ? "%U; %U" : "%U, %U";
    const PyRef more = latin1(value);
    if (!more) return false;
    return set(environ, key, PyRef::steal(PyUnicode_FromFormat(format, first, more.get())));
}

bool Environ::set_unknown(PyObject* environ, std::string_view name, std::string_view value) {
    const std::string text = cgi_key(name);
    const PyRef key = latin1(text);
    PyRef made = latin1(value);
    if (!key || !made) return false;
    PyObject* first = PyDict_GetItemWithError(environ, key.get());  // borrowed
    if (first != nullptr) {
        made = PyRef::steal(PyUnicode_FromFormat("%U, %U", first, made.get()));
    } else if (PyErr_Occurred()) {
        return false;
    }
    return set(environ, key, made);
}

bool Environ::set_fields(PyObject* environ, const http::RequestHead& head) {
    std::array<std::uint64_t, http::kFieldNames / 64 + 1> seen{};
    for (const http::FieldSlices& field : head.fields()) {
        if (!field.cgi) continue;
        const auto index = static_cast<std::size_t>(field.id);
        if (field.id == FieldName::unknown) {
            if (!set_unknown(environ, head.name(field), head.value(field))) return false;
            continue;
        }
        const std::uint64_t bit = std::uint64_t{1} << (index % 64);
        const bool repeated = (seen[index / 64] & bit) != 0;
        seen[index / 64] |= bit;
        if (!set_known(environ, field.id, head.value(field), repeated)) return false;
    }
    // RFC 9112 3.2.2: the authority of an absolute target replaces Host.
    return !head.absolute_target || set(environ, keys_.host, latin1(head.authority()));
}

PyRef Environ::variable_name(std::size_t place, std::string_view text) {
    if (place >= kVariables) return latin1(text);
    PyRef& last = last_variables_[place].name;
    if (!same_text(last.get(), text)) {
        PyObject* name = latin1(text).release();
        if (name != nullptr) PyUnicode_InternInPlace(&name);
        last = PyRef::steal(name);
    }
    return PyRef::borrow(last.get());
}

// Kept are the values that say which server it is; others may be secrets.
PyRef Environ::variable_value(std::size_t place, std::string_view name, std::string_view text) {
    const bool kept = place < kVariables && text.size() <= kLongestCached &&
                      (name.starts_with("SERVER_") || name.starts_with("DOCUMENT_") ||
                       name.starts_with("REQUEST_") || name.starts_with("GATEWAY_"));
    if (!kept) return latin1(text);
    PyRef& last = last_variables_[place].value;
    if (!same_text(last.get(), text)) last = latin1(text);
    return PyRef::borrow(last.get());
}

// What a gateway's web server named, over what we would say of ourselves.
bool Environ::set_variables(PyObject* environ, const http::RequestHead& head) {
    std::size_t place = 0;
    for (const http::Variable& variable : head.variables()) {
        const std::string_view name = head.text(variable.name);
        const PyRef key = variable_name(place, name);
        if (!set(environ, key, variable_value(place, name, head.text(variable.value)))) {
            return false;
        }
        ++place;
    }
    return true;
}

// What a trusted proxy said, over what a web server behind it knows.
bool Environ::set_forwarded(PyObject* environ, const http::RequestHead& head) {
    if (head.forwarded_client && !set(environ, keys_.port, latin1(head.client_port()))) {
        return false;
    }
    std::string_view port = head.server_port();
    if (head.forwarded_host) {
        const auto [host, host_port] = http::split_authority(head.authority());
        if (port.empty()) port = host_port;
        if (!set(environ, keys_.host, latin1(head.authority())) ||
            !set(environ, "SERVER_NAME", latin1(host))) {
            return false;
        }
    }
    // RFC 3875 4.1.15: also where it is the one that goes without saying.
    if (port.empty() && (head.forwarded_host || head.forwarded_scheme)) {
        port = head.https ? "443" : "80";
    }
    return port.empty() || set(environ, "SERVER_PORT", latin1(port));
}

bool Environ::set_scheme(PyObject* environ, const http::RequestHead& head) {
    if (head.https) {
        return set(environ, keys_.url_scheme, https_) && set(environ, keys_.https, on_);
    }
    if (!head.forwarded_scheme) return true;
    // A web server's word, and a proxy's before it that knows better.
    const int there = PyDict_Contains(environ, keys_.https.get());
    return there == 0 || (there == 1 && PyDict_DelItem(environ, keys_.https.get()) == 0);
}

// A chunked body that is all here has a length after all; apps that go by CONTENT_LENGTH alone
// (Django among them) then just work.
bool Environ::set_body_size(PyObject* environ, const http::Exchange& exchange) {
    if (!exchange.body_size || exchange.head.framing != http::BodyFraming::chunked) return true;
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, *exchange.body_size).ptr;
    return set(environ, keys_.content_length,
               latin1({digits, static_cast<std::size_t>(end - digits)}));
}

}  // namespace mew::python
