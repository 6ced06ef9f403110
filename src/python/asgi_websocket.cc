#include "python/asgi_websocket.h"

#include "base/give_back.h"
#include "log/log.h"
#include "python/asgi_message.h"
#include "python/compat.h"

namespace mew::python {
namespace {

namespace code = websocket::close_code;
using websocket::Kind;

// Messages that the app did not ask for yet, before no more are read.
constexpr std::size_t kMostMessages = 16;
constexpr std::size_t kMostMessageBytes = 65536;

// Behind the code, in a close frame.
constexpr std::size_t kMostReason = websocket::kMostControlBytes - 2;

PyRef text_of(std::string_view text) {
    return PyRef::steal(
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
}

// A str as UTF-8, borrowed from it; false with an exception set.
bool utf8_view(PyObject* text, const char* what, std::string_view& view) {
    if (!PyUnicode_Check(text)) {
        PyErr_Format(PyExc_TypeError, "%s must be a str, not %.100s", what, Py_TYPE(text)->tp_name);
        return false;
    }
    Py_ssize_t size = 0;
    const char* const bytes = PyUnicode_AsUTF8AndSize(text, &size);
    if (bytes == nullptr) return false;
    view = {bytes, static_cast<std::size_t>(size)};
    return true;
}

}  // namespace

WebSocketCall::WebSocketCall(AsgiHost& host, const WebSocketSettings& settings,
                             const websocket::Offer& offer)
    : AsgiCall(host), settings_(settings), key_(offer.key) {
    if (settings.deflate) deflate_ = offer.deflate;
}

WebSocketCall::~WebSocketCall() {
    if (websocket_ != nullptr) websocket_->forget_user();
}

// --- receive

PyRef WebSocketCall::next_event() {
    if (!told_connect_) return connect_event();
    if (!messages_.empty()) return message_event();
    if (state_ != State::over) return {};
    return disconnect_event();
}

PyRef WebSocketCall::connect_event() {
    told_connect_ = true;
    return PyRef::steal(
        Py_BuildValue("{O:O}", host_.names.type.get(), host_.names.ws_connect.get()));
}

PyRef WebSocketCall::message_event() {
    const Message message = std::move(messages_.front());
    messages_.pop_front();
    message_bytes_ -= message.text.size();
    if (messages_.empty() && websocket_ != nullptr) websocket_->resume();
    const bool is_text = message.kind == Kind::text;
    const PyRef value =
        is_text ? text_of(message.text)
                : PyRef::steal(PyBytes_FromStringAndSize(
                      message.text.data(), static_cast<Py_ssize_t>(message.text.size())));
    if (!value) return {};
    const AsgiNames& names = host_.names;
    return PyRef::steal(Py_BuildValue("{O:O,O:O}", names.type.get(), names.ws_receive.get(),
                                      (is_text ? names.text : names.bytes).get(), value.get()));
}

PyRef WebSocketCall::disconnect_event() {
    told_disconnect_ = true;
    const AsgiNames& names = host_.names;
    const PyRef reason = text_of(reason_);
    if (!reason) return {};
    return PyRef::steal(Py_BuildValue("{O:O,O:i,O:O}", names.type.get(), names.ws_disconnect.get(),
                                      names.code.get(), static_cast<int>(code_), names.reason.get(),
                                      reason.get()));
}

// --- send

bool WebSocketCall::must_wait() {
    if (state_ == State::accepting) return true;
    if (state_ == State::denying) return exchange() != nullptr && exchange()->response.congested();
    return websocket_ != nullptr && websocket_->congested();
}

bool WebSocketCall::refuse(PyObject* type) {
    static constexpr const char* kWhen[] = {"before websocket.accept", "before it was accepted",
                                            "in a denial response", "while the WebSocket is open",
                                            "after the WebSocket's end"};
    PyErr_Format(PyExc_RuntimeError, "the ASGI app sent %S %s", type,
                 kWhen[static_cast<std::size_t>(state_)]);
    return false;
}

bool WebSocketCall::take_message(PyObject* message) {
    const AsgiNames& names = host_.names;
    PyObject* const type = type_of(message, names);
    if (type == nullptr) return false;
    const bool is_close = is_text(type, names.ws_close);
    if (state_ == State::over) {
        if (is_close && !told_disconnect_) return true;  // they crossed
        PyErr_SetString(host_.disconnected.get(), "the WebSocket is closed");
        return false;
    }
    if (is_text(type, names.ws_send))
        return state_ == State::open ? take_send(message) : refuse(type);
    if (is_close)
        return state_ == State::open || state_ == State::connecting ? take_close(message)
                                                                    : refuse(type);
    if (is_text(type, names.ws_accept))
        return state_ == State::connecting ? take_accept(message) : refuse(type);
    if (is_text(type, names.ws_response_start))
        return state_ == State::connecting ? take_denial_start(message) : refuse(type);
    if (is_text(type, names.ws_response_body))
        return state_ == State::denying ? take_denial_body(message) : refuse(type);
    PyErr_Format(PyExc_ValueError, "%R is no message that a WebSocket call sends", type);
    return false;
}

bool WebSocketCall::read_subprotocol(PyObject* message) {
    PyObject* value = nullptr;
    if (!find_in(message, host_.names.subprotocol.get(), value)) return false;
    subprotocol_.clear();
    if (value == nullptr || value == Py_None) return true;
    std::string_view text;
    if (!utf8_view(value, "the subprotocol", text)) return false;
    subprotocol_ = text;
    return true;
}

bool WebSocketCall::take_accept(PyObject* message) {
    head_.clear();
    keep_.clear();
    head_.status = 200;  // its own is 101, which no answer of an app may have
    if (!read_subprotocol(message) || !read_headers(message, host_.names.headers, head_, keep_))
        return false;
    if (!subprotocol_.empty()) {
        // As the other fields, it is checked: what an app takes from a client could split the head.
        head_.headers.push_back({"sec-websocket-protocol", subprotocol_});
    }
    const auto checked = head_.check();
    if (!subprotocol_.empty()) head_.headers.pop_back();
    if (!checked) {
        PyErr_SetString(PyExc_ValueError, checked.error().text.c_str());
        return false;
    }
    if (exchange()->response.begin_detach()) {
        accept();
    } else {
        state_ = State::accepting;
    }
    return true;
}

// The connection is here, or will never be.
void WebSocketCall::accept() {
    auto taken = exchange()->response.detach(http::Detach::for_good);
    if (!taken) {
        log::debug("websocket-lost", "{}", taken.error().text);
        exchange()->response.fail(400);
        state_ = State::over;
        release_exchange();
        return wake_waiters();
    }
    std::string head;
    websocket::Acceptance acceptance{key_, subprotocol_, deflate_, &head_.headers};
    websocket::append_accept_head(acceptance, head);
    release_exchange();
    keep_.clear();
    head_.clear();
    websocket::Settings settings;
    settings.message_bytes = settings_.message_bytes;
    settings.deflate = deflate_;
    state_ = State::open;
    websocket_ = new worker::WebSocket(*settings_.context, os::Fd(taken->fd), settings, *this);
    websocket_->open(head, taken->unread);
    wake_waiters();
}

bool WebSocketCall::take_send(PyObject* message) {
    const AsgiNames& names = host_.names;
    PyObject* text = nullptr;
    PyObject* bytes = nullptr;
    if (!find_in(message, names.text.get(), text) || !find_in(message, names.bytes.get(), bytes))
        return false;
    const bool has_text = text != nullptr && text != Py_None;
    const bool has_bytes = bytes != nullptr && bytes != Py_None;
    if (has_text == has_bytes) {
        PyErr_SetString(PyExc_ValueError, "websocket.send needs either text or bytes");
        return false;
    }
    if (has_text) {
        std::string_view view;
        if (!utf8_view(text, "the text of websocket.send", view)) return false;
        websocket_->send(Kind::text, view);
        return true;
    }
    BytesView view;
    if (!view.take(bytes, "the bytes of websocket.send")) return false;
    websocket_->send(Kind::binary, view.text());
    return true;
}

bool WebSocketCall::take_close(PyObject* message) {
    const AsgiNames& names = host_.names;
    PyObject* value = nullptr;
    std::string_view reason;
    long number = code::kNormal;
    if (!find_in(message, names.code.get(), value)) return false;
    if (value != nullptr && value != Py_None) number = PyLong_AsLong(value);
    if (PyErr_Occurred() != nullptr) return false;
    if (!find_in(message, names.reason.get(), value)) return false;
    if (value != nullptr && value != Py_None && !utf8_view(value, "the reason", reason))
        return false;
    if (state_ == State::connecting) {
        exchange()->response.fail(403);
        state_ = State::over;
        release_exchange();
        wake_waiters();
        return true;
    }
    const bool valid =
        number > 0 && number <= 0xffff && code::is_valid(static_cast<std::uint16_t>(number));
    if (!valid) {
        PyErr_Format(PyExc_ValueError, "%ld is no code that a close frame may have", number);
        return false;
    }
    if (reason.size() > kMostReason) {
        PyErr_Format(PyExc_ValueError, "the reason of a close frame has at most %zu bytes of UTF-8",
                     kMostReason);
        return false;
    }
    websocket_->close(static_cast<std::uint16_t>(number), reason);
    return true;
}

// --- denial

bool WebSocketCall::take_denial_start(PyObject* message) {
    if (!read_head(message, host_.names, head_, keep_)) return false;
    state_ = State::denying;
    return true;
}

bool WebSocketCall::take_denial_body(PyObject* message) {
    PyObject* value = nullptr;
    BytesView body;
    bool more = false;
    if (!find_in(message, host_.names.body.get(), value) ||
        !read_flag(message, host_.names.more_body, more))
        return false;
    if (value != nullptr && !body.take(value, "the body of websocket.http.response.body"))
        return false;
    http::ResponseSink& sink = exchange()->response;
    if (!sink.started()) {
        if (!more && !head_.content_length) head_.implied_length = body.text().size();
        (void)sink.start(head_);
    }
    if (!body.text().empty()) (void)sink.write(body.text());
    if (more) {
        (void)sink.flush();
        return true;
    }
    (void)sink.finish();
    state_ = State::over;
    release_exchange();
    wake_waiters();
    return true;
}

// --- news

bool WebSocketCall::has_pending() { return !messages_.empty(); }

void WebSocketCall::on_room() {
    if (state_ == State::accepting) return accept();
    wake_waiters();
}

void WebSocketCall::on_gone() {
    state_ = State::over;
    if (host_.on_client_gone) host_.on_client_gone(*this);
    wake_waiters();
}

void WebSocketCall::on_message(Kind kind, std::string_view message) {
    messages_.push_back({kind, std::string(message)});
    message_bytes_ += message.size();
    if (messages_.size() >= kMostMessages || message_bytes_ >= kMostMessageBytes)
        websocket_->pause();
    wake_waiters();
}

void WebSocketCall::on_closed(std::uint16_t code, std::string_view reason) {
    state_ = State::over;
    code_ = code;
    reason_ = reason;
    websocket_->forget_user();
    websocket_ = nullptr;
    if (host_.on_client_gone) host_.on_client_gone(*this);
    wake_waiters();
}

void WebSocketCall::run_out_of_time() {
    if (websocket_ != nullptr) websocket_->close(code::kServiceRestart, "");
}

void WebSocketCall::on_app_end(bool raised) {
    if (websocket_ != nullptr) {
        websocket_->close(raised ? code::kInternalError : code::kNormal, "");
        websocket_->forget_user();
        websocket_ = nullptr;
    } else if (exchange() != nullptr) {
        if (!raised && state_ != State::over) {
            log::error("answer-incomplete", "the ASGI app ended without an answer for {} {}",
                       exchange()->head.method(), exchange()->head.target());
        }
        exchange()->response.fail(500);
    }
    state_ = State::over;
}

}  // namespace mew::python
