#include "python/asgi_http.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "http/status.h"
#include "log/log.h"
#include "python/asgi_message.h"
#include "python/compat.h"

namespace mew::python {
namespace {

// Of a file at a time, between looks at what the client takes.
constexpr std::uint64_t kFilePiece = 262144;

PyRef event(const AsgiNames& names, const PyRef& type) {
    PyRef dict = PyRef::steal(PyDict_New());
    if (!dict || PyDict_SetItem(dict.get(), names.type.get(), type.get()) != 0) return {};
    return dict;
}

}  // namespace

// --- receive

PyRef HttpCall::next_event() {
    if (client_gone_ || exchange() == nullptr) return disconnect_event();
    if (body_over_) return {};
    return body_event();
}

PyRef HttpCall::disconnect_event() { return event(host_.names, host_.names.http_disconnect); }

PyRef HttpCall::body_event() {
    http::BodySource* const source = exchange()->body;
    if (source != nullptr && !source->ready()) return {};
    std::string_view piece;
    if (source != nullptr) {
        const auto read = source->read();
        if (!read) {
            // A cut body never looks complete: for the app, the client is gone.
            log::info("request-body-broken", "{} {}: {}", exchange()->head.method(),
                      exchange()->head.target(), read.error().reason);
            client_gone_ = true;
            if (!exchange()->response.started()) {
                exchange()->response.fail(read.error().status);
                state_ = State::complete;
                release_exchange();
            }
            return disconnect_event();
        }
        piece = *read;
    }
    body_over_ = source == nullptr || source->at_end();
    const AsgiNames& names = host_.names;
    PyRef dict = event(names, names.http_request);
    const PyRef body = piece.empty() ? PyRef::borrow(names.empty_bytes.get())
                                     : PyRef::steal(PyBytes_FromStringAndSize(
                                           piece.data(), static_cast<Py_ssize_t>(piece.size())));
    if (!dict || !body || PyDict_SetItem(dict.get(), names.body.get(), body.get()) != 0 ||
        PyDict_SetItem(dict.get(), names.more_body.get(), body_over_ ? Py_False : Py_True) != 0)
        return {};
    return dict;
}

// --- send

bool HttpCall::must_wait() {
    if (state_ == State::complete || exchange() == nullptr || client_gone_) return false;
    return state_ == State::file || exchange()->response.congested();
}

bool HttpCall::take_message(PyObject* message) {
    const AsgiNames& names = host_.names;
    PyObject* const type = type_of(message, names);
    if (type == nullptr) return false;
    if (client_gone_) {
        PyErr_SetString(host_.disconnected.get(), "the client left");
        return false;
    }
    if (is_text(type, names.response_start)) return take_start(message);
    if (is_text(type, names.response_body)) return take_body(message);
    if (is_text(type, names.response_trailers)) return take_trailers(message);
    if (is_text(type, names.early_hint)) return take_hint(message);
    if (is_text(type, names.pathsend)) return take_path(message);
    PyErr_Format(PyExc_ValueError, "%R is no message that an HTTP call sends", type);
    return false;
}

// What may not be sent now.
bool HttpCall::refuse(const char* type) {
    const char* const why = state_ == State::start      ? "before http.response.start"
                            : state_ == State::complete ? "after the answer was complete"
                                                        : "after http.response.start";
    PyErr_Format(PyExc_RuntimeError, "the ASGI app sent %s %s", type, why);
    return false;
}

bool HttpCall::take_start(PyObject* message) {
    const AsgiNames& names = host_.names;
    if (state_ != State::start) return refuse("http.response.start");
    has_trailers_ = false;
    if (!read_flag(message, names.trailers, has_trailers_) ||
        !read_head(message, names, head_, keep_))
        return false;
    state_ = State::body;
    return true;
}

// False with an exception set; a client that left is found at the next event.
bool HttpCall::begin() {
    if (exchange()->response.started()) return true;
    is_event_stream_ = std::ranges::any_of(head_.headers, [](const http::Header& header) {
        return header.id == http::FieldName::content_type &&
               header.value.starts_with("text/event-stream");
    });
    const bool begun = exchange()->response.start(head_).has_value();
    keep_.clear();
    return begun;
}

bool HttpCall::take_body(PyObject* message) {
    const AsgiNames& names = host_.names;
    if (state_ != State::body) return refuse("http.response.body");
    PyObject* value = nullptr;
    BytesView body;
    bool more = false;
    if (!find_in(message, names.body.get(), value) || !read_flag(message, names.more_body, more))
        return false;
    if (value != nullptr && !body.take(value, "the body of http.response.body")) return false;
    http::ResponseSink& sink = exchange()->response;
    const std::string_view bytes = body.text();
    const bool whole = !more && !has_trailers_ && !sink.started();
    const bool for_head_only = exchange()->head.method() == "HEAD";
    if (whole && !head_.content_length && !(for_head_only && bytes.empty()))
        head_.implied_length = bytes.size();
    if (!begin() || (!bytes.empty() && !sink.write(bytes)) || (more && !sink.flush())) {
        lose_client();
        return true;
    }
    if (!more) end_body();
    return true;
}

void HttpCall::end_body() {
    if (!has_trailers_) return finish();
    state_ = State::trailers;
    keep_.clear();
    trailers_.clear();
    (void)exchange()->response.flush();
}

bool HttpCall::take_trailers(PyObject* message) {
    if (state_ != State::trailers) return refuse("http.response.trailers");
    bool more = false;
    if (!read_headers(message, host_.names.headers, trailers_, keep_) ||
        !read_flag(message, host_.names.more_trailers, more))
        return false;
    if (const auto checked = trailers_.check(); !checked) {
        PyErr_SetString(PyExc_ValueError, checked.error().text.c_str());
        return false;
    }
    if (more) return true;
    exchange()->response.trailers(trailers_);
    finish();
    return true;
}

void HttpCall::finish() {
    state_ = State::complete;
    if (!exchange()->response.finish() && !client_gone_) {
        log::warning("answer-too-short",
                     "the app's answer to {} {} is shorter than its Content-Length; the connection "
                     "was closed",
                     exchange()->head.method(), exchange()->head.target());
    }
    release_exchange();
    wake_waiters();
}

bool HttpCall::take_hint(PyObject* message) {
    if (state_ != State::start) return refuse("http.response.early_hint");
    PyObject* value = nullptr;
    if (!find_in(message, host_.names.links.get(), value)) return false;
    const PyRef links = PyRef::steal(
        value == nullptr ? PyTuple_New(0)
                         : PySequence_Fast(value, "links must be an iterable of bytes"));
    if (!links) return false;
    http::ResponseHead hints;
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(links.get()); ++i) {
        PyObject* const link = PySequence_Fast_GET_ITEM(links.get(), i);
        if (!PyBytes_Check(link)) {
            PyErr_Format(PyExc_TypeError, "a link must be bytes, not %.200R", link);
            return false;
        }
        hints.headers.push_back(
            {"link",
             {PyBytes_AS_STRING(link), static_cast<std::size_t>(PyBytes_GET_SIZE(link))},
             http::FieldName::link});
    }
    if (const auto checked = hints.check(); !checked) {
        PyErr_SetString(PyExc_ValueError, checked.error().text.c_str());
        return false;
    }
    exchange()->response.hint(hints);
    return true;
}

// --- pathsend: the file is sent piece by piece, as the client takes it

bool HttpCall::take_path(PyObject* message) {
    if (state_ != State::body || exchange()->response.started())
        return refuse("http.response.pathsend");
    PyObject* value = nullptr;
    if (!find_in(message, host_.names.path.get(), value)) return false;
    PyObject* name = nullptr;
    if (value == nullptr) {
        PyErr_SetString(PyExc_ValueError, "http.response.pathsend needs a path");
        return false;
    }
    if (PyUnicode_FSConverter(value, static_cast<void*>(&name)) == 0) return false;
    const PyRef path = PyRef::steal(name);
    file_ = ::open(PyBytes_AS_STRING(path.get()), O_RDONLY | O_CLOEXEC);
    struct stat about {};
    if (file_ < 0 || ::fstat(file_, &about) != 0 || !S_ISREG(about.st_mode)) {
        if (file_ >= 0) errno = EINVAL;
        PyErr_SetFromErrnoWithFilenameObject(PyExc_OSError, value);
        return false;
    }
    if (!head_.content_length && !has_trailers_)
        head_.implied_length = static_cast<std::uint64_t>(about.st_size);
    file_at_ = 0;
    state_ = State::file;
    if (begin()) send_more_of_file();
    return true;
}

void HttpCall::send_more_of_file() {
    http::ResponseSink& sink = exchange()->response;
    bool more = true;
    while (more && !sink.congested()) {
        const std::uint64_t size = std::min(sink.room(), kFilePiece);
        struct stat about {};
        more = size != 0 && ::fstat(file_, &about) == 0 &&
               file_at_ < static_cast<std::uint64_t>(about.st_size);
        if (!more) break;
        const std::uint64_t piece =
            std::min(size, static_cast<std::uint64_t>(about.st_size) - file_at_);
        more = sink.send_file(file_, file_at_, piece).has_value();
        file_at_ += piece;
    }
    (void)sink.flush();
    if (more) return;  // on_room() goes on
    ::close(std::exchange(file_, -1));
    end_body();
    wake_waiters();
}

// --- news

void HttpCall::on_room() {
    if (state_ == State::file) send_more_of_file();
    wake_waiters();
}

void HttpCall::on_gone() { lose_client(); }

void HttpCall::lose_client() {
    client_gone_ = true;
    if (exchange() != nullptr && host_.on_client_gone) host_.on_client_gone(*this);
    if (state_ == State::file) {
        ::close(std::exchange(file_, -1));
        finish();
    }
    wake_waiters();
}

// An event stream may end wherever an event does, and its client comes again; what else is cut must
// not look complete.
void HttpCall::run_out_of_time() {
    if (exchange() == nullptr) return;
    client_gone_ = true;
    if (is_event_stream_ && exchange()->response.started()) {
        finish();
    } else {
        exchange()->response.fail(503);
        state_ = State::complete;
        release_exchange();
        wake_waiters();
    }
}

// The app has ended: nothing more comes of it.
void HttpCall::on_app_end(bool raised) {
    if (file_ >= 0) ::close(std::exchange(file_, -1));
    if (state_ == State::complete || exchange() == nullptr) return;
    http::ResponseSink& sink = exchange()->response;
    if (!raised && !client_gone_) {
        log::error(
            "answer-incomplete", "{} {}: the ASGI app ended {}", exchange()->head.method(),
            exchange()->head.target(),
            state_ == State::start ? "without an answer" : "while its answer was not complete");
    }
    sink.fail(500);
    state_ = State::complete;
}

void HttpCall::recycle() { host_.give_back(*this); }

void HttpCall::reset() {
    state_ = State::start;
    body_over_ = client_gone_ = is_event_stream_ = has_trailers_ = false;
    head_.clear();
    trailers_.clear();
    keep_.clear();
}

}  // namespace mew::python
