#pragma once
// The WSGI environ (PEP 3333): a copy of a prepared dict, one per listening socket, plus what this
// request brings. Keys are made once and interned; values that repeat from request to request
// (Host, User-Agent, ...) are compared and used again instead of made anew.

#include <Python.h>

#include <array>
#include <string>
#include <vector>

#include "http/exchange.h"
#include "http/field_name.h"
#include "net/listener.h"
#include "python/ref.h"

namespace mew::python {

struct EnvironSettings {
    std::vector<net::ListenerInfo> listeners;
    bool multithread = false;
    bool multiprocess = false;
    int cores = 1;
    bool manage_script_name = false;
    std::uint64_t post_buffering = 0;  // the largest body that wsgi.input can go back in
    std::string version;
};

class Environ {
public:
    // False with a Python exception set. `file_wrapper` is the type apps get to wrap files in.
    bool prepare(const EnvironSettings& settings, PyObject* file_wrapper);
    // A new dict without wsgi.input; nullptr with an exception set.
    PyObject* make(const http::Exchange& exchange);
    // The app at `prefix`, which begins the path: SCRIPT_NAME and what is left of PATH_INFO.
    bool set_mount(PyObject* environ, const http::RequestHead& head, std::string_view prefix);
    PyObject* input_key() const { return keys_.wsgi_input.get(); }

private:
    struct Keys {
        PyRef method, path, query, uri, protocol, address, port, host, content_length, core,
            wsgi_input;
        PyRef script_name, url_scheme, https;
    };
    struct PeerValues {
        std::uint64_t tag = 0;
        PyRef address, port;
    };
    struct NamedValue {
        PyRef name, value;
    };
    static constexpr std::size_t kPeers = 256;
    static constexpr std::size_t kVariables = 32;
    static constexpr std::size_t kMethods = 8;

    bool prepare_keys();
    PyRef base_dict(const EnvironSettings& settings, const net::ListenerInfo& listener,
                    PyObject* file_wrapper);
    bool set_request_line(PyObject* environ, const http::RequestHead& head);
    bool set_path(PyObject* environ, const http::RequestHead& head);
    bool set_peer(PyObject* environ, const http::Exchange& exchange);
    bool set_fields(PyObject* environ, const http::RequestHead& head);
    bool set_known(PyObject* environ, http::FieldName id, std::string_view value, bool repeated);
    bool set_unknown(PyObject* environ, std::string_view name, std::string_view value);
    bool set_core(PyObject* environ, int core);
    bool set_variables(PyObject* environ, const http::RequestHead& head);
    PyRef variable_name(std::size_t place, std::string_view text);
    PyRef variable_value(std::size_t place, std::string_view name, std::string_view text);
    bool set_scheme(PyObject* environ, const http::RequestHead& head);
    bool set_forwarded(PyObject* environ, const http::RequestHead& head);
    bool set_body_size(PyObject* environ, const http::Exchange& exchange);
    PyRef value_of(http::FieldName id, std::string_view text);

    std::vector<PyRef> bases_;
    Keys keys_;
    std::array<PyRef, http::kFieldNames> field_keys_;
    std::array<PyRef, http::kFieldNames> last_values_;
    std::array<PyRef, kMethods> methods_;
    std::array<PyRef, 4> protocols_;
    PyRef https_, on_;
    std::array<PeerValues, kPeers> peers_;
    PyRef last_client_address_, last_script_name_;
    // A web server sends its variables in the same order each time.
    std::array<NamedValue, kVariables> last_variables_;
    PyRef last_path_;
    std::string scratch_;
    int cores_ = 1;
};

}  // namespace mew::python
