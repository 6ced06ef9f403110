#include "python/wsgi_bridge.h"

#include <algorithm>
#include <optional>

#include "log/log.h"
#include "python/app_error.h"
#include "python/error_page.h"
#include "python/module_files.h"
#include "python/wsgi_upgrade.h"

namespace mew::python {

using Sent = WsgiResponse::Sent;

struct WsgiBridge::Call {
    Call(http::Exchange& the_exchange, const MountedApps::Choice& the_choice,
         http::ResponseHead& head, std::vector<PyRef>& keep)
        : exchange(the_exchange), choice(the_choice), response(the_exchange.response, head, keep) {}

    http::Exchange& exchange;
    const MountedApps::Choice choice;
    WsgiResponse response;
    PyRef environ;
    PyRef input;
    PyRef websocket;  // of a request that asks for one
    bool client_gone = false;

    bool for_head_only() const { return exchange.head.method() == "HEAD"; }
    // Not an error of the app's: the rest of the answer is dropped.
    bool note(Sent sent) {
        client_gone = client_gone || sent == Sent::client_gone;
        return sent != Sent::error;
    }
};

struct WsgiBridge::Place {
    std::optional<Call> call;
};

namespace {

PyRef iterator_of(PyObject* result) {
    if (PyUnicode_Check(result)) {
        PyErr_SetString(PyExc_TypeError,
                        "the app returned a str; a body is made of bytes: return [text.encode()]");
        return PyRef();
    }
    PyRef iterator = PyRef::steal(PyObject_GetIter(result));
    if (iterator || !PyErr_ExceptionMatches(PyExc_TypeError) || PyIter_Check(result)) {
        return iterator;
    }
    if (Py_TYPE(result)->tp_iter != nullptr) return iterator;  // its own __iter__ raised
    PyErr_Format(PyExc_TypeError, "the app returned %.100s, which is not an iterable of bytes%s",
                 Py_TYPE(result)->tp_name, result == Py_None ? "; is a return missing?" : "");
    return iterator;
}

// PEP 3333: then the length of the body is that of its first piece.
bool has_one_piece(PyObject* iterable) {
    const PySequenceMethods* sequence = Py_TYPE(iterable)->tp_as_sequence;
    if (sequence == nullptr || sequence->sq_length == nullptr) return false;
    const Py_ssize_t count = sequence->sq_length(iterable);
    if (count < 0) PyErr_Clear();  // that it cannot tell is no failure of the answer
    return count == 1;
}

}  // namespace

WsgiBridge::WsgiBridge(PyObject* application)
    : place_(std::make_unique<Place>()), application_(PyRef::borrow(application)) {}

WsgiBridge::~WsgiBridge() = default;

bool WsgiBridge::prepare(const EnvironSettings& settings, PyObject* mounts) {
    if (!mounted_.take(mounts)) return false;
    mounted_.set_listeners(settings.listeners, settings.manage_script_name);
    close_name_ = PyRef::steal(PyUnicode_InternFromString("close"));
    early_hints_name_ = PyRef::steal(PyUnicode_InternFromString("wsgi.early_hints"));
    return close_name_ && early_hints_name_ && input_type_.prepare(settings.post_buffering) &&
           file_wrapper_type_.prepare() && start_response_type_.prepare() &&
           environ_.prepare(settings, file_wrapper_type_.type());
}

http::Ran WsgiBridge::run(http::Exchange& exchange) {
    answer(exchange);
    return http::Ran::done;
}

void WsgiBridge::answer(http::Exchange& exchange) {
    MountedApps::Choice choice{application_.get(), true, {}};
    if (!mounted_.empty()) choice = mounted_.choose(exchange);
    if (!choice.found) return exchange.response.fail(404);
    if (choice.app == nullptr) {
        log::error("no-app", "{} {}: no app is loaded; give --module or --wsgi-file",
                   exchange.head.method(), exchange.head.target());
        return exchange.response.fail(500);
    }
    Call& call = place_->call.emplace(exchange, choice, head_, keep_);
    if (!call_app(call)) on_failure(call);
    call.environ.reset();  // it holds the input, which is used again once nobody else does
    if (call.input) InputType::detach(call.input.get());
    place_->call.reset();
    head_.clear();
    keep_.clear();
    look_for_imports();
}

bool WsgiBridge::call_app(Call& call) {
    call.environ = PyRef::steal(environ_.make(call.exchange));
    call.input = PyRef::steal(input_type_.make(call.exchange.body, call.exchange.body_size));
    PyObject* const environ = call.environ.get();
    if (environ == nullptr || !call.input ||
        PyDict_SetItem(environ, environ_.input_key(), call.input.get()) != 0) {
        return false;
    }
    const std::string_view prefix = call.choice.prefix;
    if (!prefix.empty() && !environ_.set_mount(environ, call.exchange.head, prefix)) return false;
    PyRef start_response = PyRef::steal(start_response_type_.make(call.response));
    if (!start_response) return false;
    if (is_websocket_request(call.exchange)) {
        call.websocket = offer_connection(environ, start_response.get());
        if (!call.websocket) return false;
    }
    if (!offer_hints(environ, call.exchange, start_response.get())) return false;
    PyObject* arguments[2] = {environ, start_response.get()};
    const PyRef result = PyRef::steal(PyObject_Vectorcall(call.choice.app, arguments, 2, nullptr));
    bool done = result && (call.response.detached() || send_result(call, result.get()));
    if (result) {
        // PEP 3333: close() runs whether or not the answer went well, and must not hide why not.
        PyObject* const raised = take_raised();
        close_result(result.get());
        if (raised != nullptr)
            set_raised(raised);
        else if (PyErr_Occurred() != nullptr)
            done = false;
    }
    if (call.websocket) end_websocket(call.websocket.get());
    if (!done && !call.response.detached() && answer_failed_handshake(start_response.get())) {
        done = send_end(call);
    }
    start_response_type_.detach(start_response.get());
    return done;
}

// wsgi.early_hints, where the client's protocol has them.
bool WsgiBridge::offer_hints(PyObject* environ, const http::Exchange& exchange,
                             PyObject* start_response) {
    if (!exchange.response.takes_hints()) return true;
    const PyRef hints = PyRef::steal(StartResponseType::make_early_hints(start_response));
    return hints && PyDict_SetItem(environ, early_hints_name_.get(), hints.get()) == 0;
}

bool WsgiBridge::send_result(Call& call, PyObject* result) {
    if (PyList_CheckExact(result) || PyTuple_CheckExact(result)) return send_sequence(call, result);
    if (PyBytes_Check(result)) {
        // Iterating would give numbers; uWSGI sends it as one piece, and so do we.
        if (!call.response.called()) return send_end(call);
        call.response.set_implied_length(static_cast<std::uint64_t>(PyBytes_GET_SIZE(result)));
        return call.note(call.response.write(result)) && send_end(call);
    }
    if (file_wrapper_type_.is_wrapper(result)) {
        bool handled = false;
        if (!send_wrapped_file(call, result, handled)) return false;
        if (handled) return true;
        const auto announced = call.response.head().content_length;
        if (call.exchange.response.started()) {
            FileWrapperType::limit(result, call.exchange.response.room());
        } else if (announced) {
            FileWrapperType::limit(result, *announced);
        }
    }
    return send_pieces(call, result);
}

// All of it is there: its length is known, and it may leave in one go.
bool WsgiBridge::send_sequence(Call& call, PyObject* sequence) {
    const Py_ssize_t count = PySequence_Fast_GET_SIZE(sequence);
    std::uint64_t total = 0;
    for (Py_ssize_t i = 0; i < count; ++i) {
        PyObject* piece = PySequence_Fast_GET_ITEM(sequence, i);
        if (!PyBytes_Check(piece)) {
            raise_not_bytes(piece);
            return false;
        }
        total += static_cast<std::uint64_t>(PyBytes_GET_SIZE(piece));
    }
    // write() may have begun the answer already; then its length is not ours to say.
    // An empty body to HEAD says nothing of what GET would bring.
    if (!call.exchange.response.started() && (total > 0 || !call.for_head_only())) {
        call.response.set_implied_length(total);
    }
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(sequence) && !call.client_gone; ++i) {
        const PyRef piece = PyRef::borrow(PySequence_Fast_GET_ITEM(sequence, i));
        if (!call.note(call.response.write(piece.get()))) return false;
    }
    return send_end(call);
}

bool WsgiBridge::send_pieces(Call& call, PyObject* iterable) {
    const PyRef iterator = iterator_of(iterable);
    if (!iterator) return false;
    bool is_whole = has_one_piece(iterable) && !call.exchange.response.started();
    while (!call.client_gone) {
        const PyRef piece = PyRef::steal(PyIter_Next(iterator.get()));
        if (!piece) {
            if (PyErr_Occurred()) return false;
            break;
        }
        if (is_whole && PyBytes_Check(piece.get())) {
            call.response.set_implied_length(
                static_cast<std::uint64_t>(PyBytes_GET_SIZE(piece.get())));
            is_whole = false;
        }
        // PEP 3333: a piece is on its way before the app is asked for the next one.
        if (!call.note(call.response.write(piece.get()))) return false;
        if (!call.client_gone && call.exchange.response.started() &&
            !call.note(call.response.flush())) {
            return false;
        }
        // Nothing more of it would be sent, and some such bodies never end.
        if (call.exchange.response.started() && call.for_head_only()) break;
    }
    return send_end(call);
}

bool WsgiBridge::send_wrapped_file(Call& call, PyObject* wrapper, bool& handled) {
    const auto file = FileWrapperType::regular_file(wrapper);
    if (!file || !call.response.called()) return true;
    handled = true;
    const auto announced = call.response.head().content_length;
    const std::uint64_t size = announced ? std::min(*announced, file->size) : file->size;
    if (!call.exchange.response.started()) call.response.set_implied_length(size);
    return call.note(call.response.send_file(file->fd, file->offset, size)) && send_end(call);
}

bool WsgiBridge::send_end(Call& call) {
    if (call.client_gone) return true;
    if (!call.exchange.response.started()) {
        if (!call.response.called()) {
            PyErr_SetString(PyExc_AssertionError,
                            "the app returned without calling start_response (PEP 3333)");
            return false;
        }
        if (!call.response.head().content_length && !call.for_head_only()) {
            call.response.set_implied_length(0);
        }
        if (!call.note(call.response.send_head())) return false;
    }
    if (call.client_gone || call.response.finish()) return true;
    log::warning("answer-too-short",
                 "the app's answer to {} {} is shorter than its Content-Length; the connection was "
                 "closed",
                 call.exchange.head.method(), call.exchange.head.target());
    return true;
}

void WsgiBridge::close_result(PyObject* result) {
    if (PyList_CheckExact(result) || PyTuple_CheckExact(result) || PyBytes_CheckExact(result)) {
        return;
    }
    const PyRef close = PyRef::steal(PyObject_GetAttr(result, close_name_.get()));
    if (!close) {
        if (PyErr_ExceptionMatches(PyExc_AttributeError)) PyErr_Clear();
        return;
    }
    (void)PyRef::steal(PyObject_CallNoArgs(close.get()));
}

void WsgiBridge::on_failure(Call& call) {
    const http::BodyFailure* failure = call.input ? InputType::failure(call.input.get()) : nullptr;
    if (failure != nullptr && PyErr_ExceptionMatches(input_type_.error_type())) {
        // The client's doing, not the app's.
        PyErr_Clear();
        log::info("request-body-broken", "{} {}: {}", call.exchange.head.method(),
                  call.exchange.head.target(), failure->reason);
        return call.exchange.response.fail(failure->status);
    }
    if (call.response.detached() && ended_a_takeover()) return;
    call.exchange.app_failed = true;
    const PyRef error = PyRef::steal(take_raised());
    log_app_error(error.get(), call.exchange.head.method(), call.exchange.head.target());
    if (answer_with_error_page(call.exchange.response, error.get(), call.environ.get())) return;
    call.exchange.response.fail(500);
}

}  // namespace mew::python
