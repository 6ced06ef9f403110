// What nghttp2 is told of a connection, and what it calls: the C half of http2/codec.h.
#include <array>

#include <nghttp2/nghttp2.h>

#include "base/check.h"
#include "http2/codec.h"

namespace mew::http2 {

using http::StreamId;

namespace {

std::string_view text(const std::uint8_t* bytes, std::size_t size) {
    return {reinterpret_cast<const char*>(bytes), size};
}

StreamId id_of(const nghttp2_frame* frame) { return static_cast<StreamId>(frame->hd.stream_id); }

bool is_request(const nghttp2_frame* frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
}

bool ends_stream(const nghttp2_frame* frame) {
    return (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

// Errors by which the peer's faults made us end a stream.
bool is_peers_fault(std::uint32_t error) {
    return error != NGHTTP2_NO_ERROR && error != NGHTTP2_INTERNAL_ERROR && error != NGHTTP2_CANCEL;
}

}  // namespace

struct Callbacks {
    static Codec& codec(void* user) { return *static_cast<Codec*>(user); }

    static int on_frame_head(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
        if (head->type == NGHTTP2_HEADERS)
            codec(user).on_late_frame(static_cast<StreamId>(head->stream_id), true);
        return 0;
    }

    static int on_begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        codec(user).on_head_begins(id_of(frame), is_request(frame));
        return 0;
    }

    static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                         std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                         std::uint8_t, void* user) {
        const bool good = codec(user).on_field(id_of(frame), text(name, name_size),
                                               text(value, value_size), is_request(frame));
        return good ? 0 : NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    // Such a field is the end of its stream, not only of itself (RFC 9113 8.2.1).
    static int on_invalid_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t*,
                                 std::size_t, const std::uint8_t*, std::size_t, std::uint8_t,
                                 void* user) {
        codec(user).reset(id_of(frame), NGHTTP2_PROTOCOL_ERROR);
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    }

    static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
        Codec& codec = Callbacks::codec(user);
        switch (frame->hd.type) {
            case NGHTTP2_HEADERS:
                codec.on_head_ends(id_of(frame), is_request(frame), ends_stream(frame));
                return 0;
            case NGHTTP2_DATA:
                if (frame->hd.length == frame->data.padlen) codec.count_control();
                if (ends_stream(frame)) codec.on_body_ends(id_of(frame));
                return 0;
            case NGHTTP2_RST_STREAM:
                codec.on_reset(id_of(frame));
                return 0;
            case NGHTTP2_PRIORITY:       // seen and counted before
            case NGHTTP2_WINDOW_UPDATE:  // costs what it lets go
                return 0;
            default:
                codec.count_control();
                return 0;
        }
    }

    static int on_data(nghttp2_session*, std::uint8_t, std::int32_t stream,
                       const std::uint8_t* bytes, std::size_t size, void* user) {
        codec(user).on_data(static_cast<StreamId>(stream), text(bytes, size));
        return 0;
    }

    static int on_close(nghttp2_session*, std::int32_t stream, std::uint32_t, void* user) {
        codec(user).on_closed(static_cast<StreamId>(stream));
        return 0;
    }

    static int on_frame_sent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
        Codec& codec = Callbacks::codec(user);
        if (frame->hd.type == NGHTTP2_RST_STREAM)
            codec.on_reset_sent(id_of(frame), is_peers_fault(frame->rst_stream.error_code));
        const bool answer = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
        if (!answer || !ends_stream(frame)) return 0;
        Codec::Stream* const stream = codec.find(id_of(frame));
        if (stream == nullptr) return 0;
        stream->sent = true;
        if (stream->tunnel) return 0;
        // The rest of a body that nobody reads need not be sent (RFC 9113 8.1).
        if (::nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
            codec.reset(id_of(frame), NGHTTP2_NO_ERROR);
        return 0;
    }

    static int send_data(nghttp2_session*, nghttp2_frame* frame, const std::uint8_t* head,
                         std::size_t size, nghttp2_data_source* source, void* user) {
        constexpr std::size_t kFrameHead = 9;
        Codec& codec = Callbacks::codec(user);
        auto& stream = *static_cast<Codec::Stream*>(source->ptr);
        codec.out_->append(reinterpret_cast<const char*>(head), kFrameHead);
        codec.out_->append(stream.body, stream.at, size);
        stream.at += size;
        if (size != 0 && codec.events_ != nullptr) codec.events_->on_body_sent(id_of(frame), size);
        return 0;
    }
};

void Codec::start_session() {
    // The same for all connections, and never freed.
    static nghttp2_session_callbacks* const callbacks = [] {
        nghttp2_session_callbacks* made = nullptr;
        MEW_CHECK(::nghttp2_session_callbacks_new(&made) == 0);
        ::nghttp2_session_callbacks_set_on_begin_frame_callback(made, Callbacks::on_frame_head);
        ::nghttp2_session_callbacks_set_on_begin_headers_callback(made,
                                                                  Callbacks::on_begin_headers);
        ::nghttp2_session_callbacks_set_on_header_callback(made, Callbacks::on_header);
        ::nghttp2_session_callbacks_set_on_invalid_header_callback(made,
                                                                   Callbacks::on_invalid_header);
        ::nghttp2_session_callbacks_set_on_frame_recv_callback(made, Callbacks::on_frame);
        ::nghttp2_session_callbacks_set_on_data_chunk_recv_callback(made, Callbacks::on_data);
        ::nghttp2_session_callbacks_set_on_stream_close_callback(made, Callbacks::on_close);
        ::nghttp2_session_callbacks_set_on_frame_send_callback(made, Callbacks::on_frame_sent);
        ::nghttp2_session_callbacks_set_send_data_callback(made, Callbacks::send_data);
        return made;
    }();
    static const nghttp2_option* const option = [] {
        nghttp2_option* made = nullptr;
        MEW_CHECK(::nghttp2_option_new(&made) == 0);
        ::nghttp2_option_set_no_auto_window_update(made, 1);
        // What is closed needs no place in a tree of priorities, which RFC 9113 has no more.
        ::nghttp2_option_set_no_closed_streams(made, 1);
        ::nghttp2_option_set_builtin_recv_extension_type(made, NGHTTP2_PRIORITY_UPDATE);
        return made;
    }();
    MEW_CHECK(::nghttp2_session_server_new2(&session_, callbacks, this, option) == 0);
    const std::array<nghttp2_settings_entry, 5> settings{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, settings_.streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, settings_.stream_window},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, limits_.head_bytes},
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    }};
    (void)::nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    (void)::nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0,
                                                  static_cast<int>(settings_.connection_window));
}

}  // namespace mew::http2
