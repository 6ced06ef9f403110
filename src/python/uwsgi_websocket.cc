#include "python/uwsgi_websocket.h"

#include <cstddef>
#include <new>
#include <string>
#include <string_view>

#include "base/give_back.h"
#include "http/grammar.h"
#include "python/compat.h"
#include "python/ref.h"
#include "python/turn.h"
#include "websocket/codec.h"
#include "websocket/handshake.h"

namespace mew::python {
namespace {

using websocket::Codec;
using websocket::Kind;

// What next() calls an event: opcodes, and 0 for a failure.
constexpr int kFailure = 0;
constexpr int kText = 1;
constexpr int kBinary = 2;
constexpr int kClose = 8;
constexpr int kPong = 10;

PyObject* to_bytes(std::string_view text) {
    return PyBytes_FromStringAndSize(text.data(), static_cast<Py_ssize_t>(text.size()));
}

// Makes one event a tuple, and has the codec stop behind it.
class Collector final : public websocket::Events {
public:
    explicit Collector(Codec& codec) : codec_(codec) {}

    void on_message(Kind kind, std::string_view message) override {
        keep(kind == Kind::text ? kText : kBinary, 0, message);
    }
    void on_pong(std::string_view payload) override { keep(kPong, 0, payload); }
    void on_close(std::uint16_t code, std::string_view reason) override {
        keep(kClose, code, reason);
    }
    void on_failure(const websocket::Failure& failure) override {
        keep(kFailure, failure.code, failure.reason);
    }
    PyObject* release() { return event_.release(); }

private:
    void keep(int kind, int code, std::string_view payload) {
        event_ = PyRef::steal(Py_BuildValue("iiN", kind, code, to_bytes(payload)));
        codec_.pause();
    }

    Codec& codec_;
    PyRef event_;
};

struct State {
    explicit State(const websocket::Settings& settings) : codec(settings) {}

    Codec codec;
    std::string input;  // not decoded yet, behind `taken`
    std::size_t taken = 0;
    std::string out;
    Turn turn;  // threads of the app may send while one receives
};

struct Object {
    PyObject_HEAD State* state;
};

State& state_of(PyObject* self) { return *reinterpret_cast<Object*>(self)->state; }

// --- methods

PyObject* feed(PyObject* self, PyObject* bytes) {
    State& state = state_of(self);
    const TakenTurn turn(state.turn);
    char* data = nullptr;
    Py_ssize_t size = 0;
    if (!turn || PyBytes_AsStringAndSize(bytes, &data, &size) != 0) return nullptr;
    state.input.append(data, static_cast<std::size_t>(size));
    Py_RETURN_NONE;
}

PyObject* next(PyObject* self, PyObject*) {
    State& state = state_of(self);
    const TakenTurn turn(state.turn);
    if (!turn) return nullptr;
    Collector events(state.codec);
    state.taken += state.codec.decode(state.input.data() + state.taken,
                                      state.input.size() - state.taken, events, state.out);
    if (state.taken == state.input.size()) {
        state.taken = 0;
        base::give_back(state.input);
    }
    PyObject* const event = events.release();
    if (event != nullptr || PyErr_Occurred() != nullptr) return event;
    Py_RETURN_NONE;
}

PyObject* take_out(PyObject* self, PyObject*) {
    State& state = state_of(self);
    const TakenTurn turn(state.turn);
    if (!turn) return nullptr;
    PyObject* const bytes = to_bytes(state.out);
    base::give_back(state.out);
    return bytes;
}

PyObject* encode_view(State& state, bool text, std::string_view message) {
    if (text && !websocket::is_utf8(message)) {
        PyErr_SetString(PyExc_ValueError,
                        "a text message of a WebSocket is UTF-8; send other bytes by "
                        "websocket_send_binary()");
        return nullptr;
    }
    const TakenTurn turn(state.turn);
    if (!turn) return nullptr;
    std::string frame;
    state.codec.encode_message(text ? Kind::text : Kind::binary, message, frame);
    return to_bytes(frame);
}

// encode(text, message); a str is sent as UTF-8.
PyObject* encode(PyObject* self, PyObject* args) {
    int text = 0;
    Py_buffer message;
    if (PyArg_ParseTuple(args, "ps*", &text, &message) == 0) return nullptr;
    PyObject* const frame =
        encode_view(state_of(self), text != 0,
                    {static_cast<const char*>(message.buf), static_cast<std::size_t>(message.len)});
    PyBuffer_Release(&message);
    return frame;
}

PyObject* ping(PyObject* self, PyObject*) {
    State& state = state_of(self);
    const TakenTurn turn(state.turn);
    if (!turn) return nullptr;
    std::string frame;
    state.codec.encode_ping({}, frame);
    return to_bytes(frame);
}

PyObject* close(PyObject* self, PyObject* code) {
    State& state = state_of(self);
    const TakenTurn turn(state.turn);
    const long number = turn ? PyLong_AsLong(code) : -1;
    if (number < 0) return nullptr;
    std::string frame;
    state.codec.encode_close(static_cast<std::uint16_t>(number), {}, frame);
    return to_bytes(frame);
}

PyObject* is_open(PyObject* self, PyObject*) {
    State& state = state_of(self);
    const TakenTurn turn(state.turn);
    return turn ? PyBool_FromLong(state.codec.state() == Codec::State::open) : nullptr;
}

// WebSocket(max_bytes, window_bits); 0 bits: not compressed.
PyObject* make(PyTypeObject* type, PyObject* args, PyObject*) {
    unsigned long long most = 0;
    int window_bits = 0;
    if (PyArg_ParseTuple(args, "Ki", &most, &window_bits) == 0) return nullptr;
    PyObject* const self = type->tp_alloc(type, 0);
    if (self == nullptr) return nullptr;
    websocket::Settings settings;
    settings.message_bytes = most;
    if (window_bits != 0) {
        settings.deflate = websocket::Deflate{static_cast<std::uint8_t>(window_bits), false};
    }
    reinterpret_cast<Object*>(self)->state = new State(settings);
    return self;
}

void dealloc(PyObject* self) {
    PyTypeObject* const type = Py_TYPE(self);
    delete reinterpret_cast<Object*>(self)->state;
    type->tp_free(self);
    Py_DECREF(type);
}

PyMethodDef g_methods[] = {
    {"feed", feed, METH_O, "Bytes that the client sent."},
    {"next", next, METH_NOARGS, "(kind, code, payload) of what they bring next, or None."},
    {"take_out", take_out, METH_NOARGS, "What is to be sent for it: pongs, a close frame."},
    {"encode", encode, METH_VARARGS, "encode(text, message): its frame."},
    {"ping", ping, METH_NOARGS, "The frame of a ping."},
    {"close", close, METH_O, "close(code): a close frame, if none went out yet."},
    {"is_open", is_open, METH_NOARGS, "Whether neither side closed it."},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot g_slots[] = {{Py_tp_new, reinterpret_cast<void*>(make)},
                         {Py_tp_dealloc, reinterpret_cast<void*>(dealloc)},
                         {Py_tp_methods, g_methods},
                         {0, nullptr}};
PyType_Spec g_spec{"mewsgi.WebSocket", sizeof(Object), 0, Py_TPFLAGS_DEFAULT, g_slots};

// --- the opening handshake

// A head of the fields that count, for the one reader of them.
class OfferedFields {
public:
    void add(http::FieldName id, const char* value) {
        if (value == nullptr) return;
        http::FieldSlices field;
        field.id = id;
        field.value = {static_cast<std::uint32_t>(block_.size()),
                       static_cast<std::uint32_t>(std::string_view(value).size())};
        block_.append(value);
        head_.fields().push_back(field);
    }
    const http::RequestHead& head() {
        head_.set_block(block_.data(), block_.size());
        return head_;
    }

private:
    std::string block_;
    http::RequestHead head_;
};

}  // namespace

int add_websocket_type(PyObject* module) {
    PyObject* const type = PyType_FromSpec(&g_spec);
    if (type == nullptr) return -1;
    if (PyModule_AddObject(module, "WebSocket", type) == 0) return 0;
    Py_DECREF(type);
    return -1;
}

PyObject* websocket_accept(PyObject*, PyObject* args) {
    const char *key = nullptr, *version = nullptr, *protocols = nullptr, *extensions = nullptr;
    const char* protocol = nullptr;  // what the app answers; None: the first that was offered
    int deflate = 0;
    if (PyArg_ParseTuple(args, "zzzzzp", &key, &version, &protocols, &extensions, &protocol,
                         &deflate) == 0) {
        return nullptr;
    }
    OfferedFields fields;
    fields.add(http::FieldName::sec_websocket_key, key);
    fields.add(http::FieldName::sec_websocket_version, version);
    fields.add(http::FieldName::sec_websocket_protocol, protocols);
    fields.add(http::FieldName::sec_websocket_extensions, extensions);
    auto offer = websocket::read_offer(fields.head());
    if (!offer) {
        return Py_BuildValue("iNi", offer.error().status, to_bytes(offer.error().reason), 0);
    }
    websocket::Acceptance acceptance;
    acceptance.key = offer->key;
    if (protocol != nullptr) {
        acceptance.subprotocol = protocol;
    } else if (!offer->subprotocols.empty()) {
        acceptance.subprotocol = offer->subprotocols.front();
    }
    if (!acceptance.subprotocol.empty() && !http::is_token(acceptance.subprotocol)) {
        PyErr_Format(PyExc_ValueError, "%R is no name of a WebSocket subprotocol",
                     PyTuple_GET_ITEM(args, 4));
        return nullptr;
    }
    if (deflate != 0) acceptance.deflate = offer->deflate;
    std::string head;
    websocket::append_accept_head(acceptance, head);
    return Py_BuildValue("iNi", 101, to_bytes(head),
                         acceptance.deflate ? acceptance.deflate->window_bits : 0);
}

}  // namespace mew::python
