#include "http2/testing/client.h"

#include <algorithm>

#include "base/check.h"

namespace mew::http2::testing {

struct ClientCallbacks {
    static Client& client(void* user) { return *static_cast<Client*>(user); }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
        Answer& answer = client(user).answer(frame->hd.stream_id);
        const std::string key(reinterpret_cast<const char*>(name), name_size);
        const std::string text(reinterpret_cast<const char*>(value), value_size);
        if (key != ":status") {
            answer.fields.emplace_back(key, text);
            return 0;
        }
        if (text[0] == '1')
            answer.interim.push_back(std::stoi(text));
        else
            answer.status = std::stoi(text);
        return 0;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Client& to = client(user);
        const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
        if (frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) {
            if (ends) to.answer(frame->hd.stream_id).complete = true;
        }
        if (frame->hd.type == NGHTTP2_GOAWAY) {
            to.goaway_ = true;
            to.goaway_error_ = frame->goaway.error_code;
            to.last_stream_ = frame->goaway.last_stream_id;
        }
        return 0;
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream,
                       const std::uint8_t* bytes, std::size_t size, void* user) {
        client(user).answer(stream).body.append(reinterpret_cast<const char*>(bytes), size);
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t error, void* user) {
        Answer& answer = client(user).answer(stream);
        answer.closed = true;
        answer.error = error;
        return 0;
    }

    static ssize_t read_body(nghttp2_session*, std::int32_t stream, std::uint8_t* to,
                             std::size_t most, std::uint32_t* flags, nghttp2_data_source*,
                             void* user) {
        Client::Body& body = client(user).bodies_[stream];
        const std::size_t size = std::min(most, body.bytes.size() - body.at);
        std::copy_n(body.bytes.data() + body.at, size, to);
        body.at += size;
        if (size == 0 && body.open) return NGHTTP2_ERR_DEFERRED;
        if (body.at == body.bytes.size() && !body.open) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return static_cast<ssize_t>(size);
    }
};

Client::Client() {
    nghttp2_session_callbacks* callbacks = nullptr;
    MEW_CHECK(::nghttp2_session_callbacks_new(&callbacks) == 0);
    ::nghttp2_session_callbacks_set_on_header_callback(callbacks, ClientCallbacks::on_header);
    ::nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, ClientCallbacks::on_frame);
    ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks,
                                                                ClientCallbacks::on_data);
    ::nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, ClientCallbacks::on_close);
    MEW_CHECK(::nghttp2_session_client_new(&session_, callbacks, this) == 0);
    ::nghttp2_session_callbacks_del(callbacks);
    (void)::nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
}

Client::~Client() { ::nghttp2_session_del(session_); }

std::int32_t Client::request(const Fields& fields, std::string body) {
    return submit(fields, {std::move(body), 0, false});
}

std::int32_t Client::open(const Fields& fields) { return submit(fields, {{}, 0, true}); }

void Client::say(std::int32_t stream, std::string_view bytes) {
    bodies_[stream].bytes.append(bytes);
    (void)::nghttp2_session_resume_data(session_, stream);
}

void Client::finish(std::int32_t stream) {
    bodies_[stream].open = false;
    (void)::nghttp2_session_resume_data(session_, stream);
}

std::int32_t Client::submit(const Fields& fields, Body body) {
    std::vector<nghttp2_nv> values;
    for (const auto& [name, value] : fields) {
        const auto bytes = [](const std::string& text) {
            // NOLINTNEXTLINE: only read
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
        values.push_back(
            {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    nghttp2_data_provider source{};
    source.read_callback = ClientCallbacks::read_body;
    const std::int32_t stream =
        ::nghttp2_submit_request(session_, nullptr, values.data(), values.size(),
                                 body.bytes.empty() && !body.open ? nullptr : &source, nullptr);
    bodies_[stream] = std::move(body);
    return stream;
}

void Client::reset(std::int32_t stream, std::uint32_t error) {
    (void)::nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, error);
}

void Client::ping() { (void)::nghttp2_submit_ping(session_, NGHTTP2_FLAG_NONE, nullptr); }

std::string Client::take() {
    std::string all;
    const std::uint8_t* bytes = nullptr;
    ssize_t size = 0;
    while ((size = ::nghttp2_session_mem_send(session_, &bytes)) > 0)
        all.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
    return all;
}

bool Client::give(std::string_view bytes) {
    return ::nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                      bytes.size()) == static_cast<ssize_t>(bytes.size());
}

std::string Client::frame(std::uint8_t type, std::uint8_t flags, std::uint32_t stream,
                          std::string_view payload) {
    std::string bytes;
    const std::size_t size = payload.size();
    for (const std::size_t shift : {16U, 8U, 0U})
        bytes += static_cast<char>((size >> shift) & 0xff);
    bytes += static_cast<char>(type);
    bytes += static_cast<char>(flags);
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        bytes += static_cast<char>((stream >> shift) & 0xff);
    return bytes.append(payload);
}

}  // namespace mew::http2::testing
