// The outward half of http2/codec.h.
#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>

#include <nghttp2/nghttp2.h>

#include "http/date.h"
#include "http/grammar.h"
#include "http/status.h"
#include "http/trailer.h"
#include "http2/codec.h"

namespace mew::http2 {

using http::FieldName;
using http::StreamId;

namespace {

// Of one answer, waiting for flow control; what is beyond it waits at the driver.
constexpr std::size_t kStreamBuffer = 65536;

// Header fields as nghttp2 takes them; it copies what they refer to, names in lower case.
class Fields {
public:
    Fields() = default;
    explicit Fields(int status) {
        const auto end = std::to_chars(status_.data(), status_.data() + status_.size(), status).ptr;
        add(":status", {status_.data(), static_cast<std::size_t>(end - status_.data())});
    }
    void add(std::string_view name, std::string_view value) {
        const auto bytes = [](std::string_view text) {
            // NOLINTNEXTLINE: only read
            return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
        };
        fields_.push_back(
            {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
    }
    // The app's headers, and the length that the bridge found where the app gave none.
    void add_all(const http::ResponseHead& head) {
        for (const http::Header& header : head.headers) {
            if (header.dropped) continue;
            if (header.id == FieldName::content_length && head.status == 204) continue;
            add(lower(header), http::trim_blanks(header.value));
        }
    }
    void add_length(std::uint64_t length) {
        const auto end = std::to_chars(length_.data(), length_.data() + length_.size(), length).ptr;
        add("content-length", {length_.data(), static_cast<std::size_t>(end - length_.data())});
    }
    const nghttp2_nv* data() const { return fields_.data(); }
    std::size_t size() const { return fields_.size(); }

private:
    // RFC 9113 8.2.1.
    std::string_view lower(const http::Header& header) {
        if (header.id != FieldName::unknown) return http::field_text(header.id);
        std::string name(header.name);
        for (char& c : name) {
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
        }
        names_.push_back(std::make_unique<std::string>(std::move(name)));
        return *names_.back();
    }

    std::array<char, 12> status_{};
    std::array<char, 24> length_{};
    std::vector<nghttp2_nv> fields_;
    std::vector<std::unique_ptr<std::string>> names_;
};

bool submit_trailers(nghttp2_session* session, std::int32_t stream,
                     const std::vector<std::pair<std::string, std::string>>& trailers) {
    Fields fields;
    for (const auto& [name, value] : trailers) fields.add(name, value);
    return ::nghttp2_submit_trailer(session, stream, fields.data(), fields.size()) == 0;
}

}  // namespace

http::BodyPlan Codec::encode_head(StreamId stream, const http::ResponseHead& head, bool,
                                  std::string&) {
    http::BodyPlan plan;
    Stream* const at = find(stream);
    if (at == nullptr || at->answered) {
        plan.has_body = false;
        return plan;
    }
    at->answered = true;
    at->tunnel = at->connects && head.status / 100 == 2;
    plan.has_body = http::status_has_body(head.status) && !at->is_head;
    const auto length = head.content_length ? head.content_length : head.implied_length;
    if (plan.has_body && length) plan.length = *length;
    Fields fields(head.status);
    fields.add_all(head);
    const bool tells = head.status != 204 && head.status != 304;
    if (!head.content_length && head.implied_length && tells)
        fields.add_length(*head.implied_length);
    if (!head.has_server) fields.add("server", "mewsgi");
    const std::string_view date = http::date_text(std::time(nullptr));
    if (!head.has_date) fields.add("date", date);
    nghttp2_data_provider source{};
    source.source.ptr = at;
    source.read_callback = [](nghttp2_session* session, std::int32_t id, std::uint8_t*,
                              std::size_t most, std::uint32_t* flags, nghttp2_data_source* from,
                              void*) -> ssize_t {
        auto& body = *static_cast<Stream*>(from->ptr);
        const std::size_t left = body.body.size() - body.at;
        if (left == 0 && !body.ended) return NGHTTP2_ERR_DEFERRED;
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
        if (left <= most && body.ended) {
            *flags |= NGHTTP2_DATA_FLAG_EOF;
            if (!body.trailers.empty() && submit_trailers(session, id, body.trailers))
                *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        }
        return static_cast<ssize_t>(std::min(left, most));
    };
    // Without a body the head ends the stream.
    (void)::nghttp2_submit_response(session_, static_cast<int>(stream), fields.data(),
                                    fields.size(), plan.has_body ? &source : nullptr);
    return plan;
}

void Codec::encode_continue(StreamId stream, std::string&) {
    const Fields fields(100);
    (void)::nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, static_cast<int>(stream), nullptr,
                                   fields.data(), fields.size(), nullptr);
}

void Codec::encode_early_hints(StreamId stream, const http::ResponseHead& head, std::string&) {
    const Stream* const at = find(stream);
    if (at == nullptr || at->answered) return;
    Fields fields(103);
    fields.add_all(head);
    (void)::nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, static_cast<int>(stream), nullptr,
                                   fields.data(), fields.size(), nullptr);
}

void Codec::encode_body_prefix(StreamId, std::size_t, std::string& out) { mark_ = out.size(); }

void Codec::encode_body_suffix(StreamId stream, std::string& out) {
    if (Stream* const at = find(stream); at != nullptr && at->answered) {
        // What was sent makes room.
        at->body.erase(0, at->at);
        at->at = 0;
        at->body.append(out, mark_);
        (void)::nghttp2_session_resume_data(session_, static_cast<int>(stream));
    }
    out.resize(mark_);
}

void Codec::encode_trailers(StreamId stream, const http::ResponseHead& fields) {
    Stream* const at = find(stream);
    if (at == nullptr || at->ended) return;
    at->trailers.clear();
    for (const http::Header& field : fields.headers) {
        if (field.dropped || http::is_forbidden_trailer(field.id)) continue;
        std::string name(field.name);
        for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
        at->trailers.emplace_back(std::move(name), http::trim_blanks(field.value));
    }
}

void Codec::encode_end(StreamId stream, std::string&) {
    Stream* const at = find(stream);
    if (at == nullptr) return;
    at->ended = true;
    (void)::nghttp2_session_resume_data(session_, static_cast<int>(stream));
}

void Codec::end_tunnel(StreamId stream) {
    Stream* const at = find(stream);
    if (at == nullptr) return;
    at->tunnel = false;
    if (at->sent) reset(stream, NGHTTP2_NO_ERROR);
}

bool Codec::encode_abort(StreamId stream, std::string&) {
    reset(stream, NGHTTP2_INTERNAL_ERROR);
    return false;
}

std::size_t Codec::room(StreamId stream) const {
    const std::size_t there = unsent(stream);
    return there < kStreamBuffer ? kStreamBuffer - there : 0;
}

std::size_t Codec::unsent(StreamId stream) const {
    const Stream* const at = find(stream);
    return at == nullptr ? 0 : at->body.size() - at->at;
}

void Codec::cancel(StreamId stream) { reset(stream, NGHTTP2_CANCEL); }

void Codec::drain(bool last) {
    if (!last) {
        (void)::nghttp2_submit_shutdown_notice(session_);
        return;
    }
    (void)::nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                                  ::nghttp2_session_get_last_proc_stream_id(session_),
                                  NGHTTP2_NO_ERROR, nullptr, 0);
}

void Codec::encode_pending(std::size_t most, std::string& out, http::StreamEvents& events) {
    events_ = &events;
    out_ = &out;
    while (out.size() < most) {
        const std::uint8_t* bytes = nullptr;
        const std::size_t before = out.size();
        const auto size = ::nghttp2_session_mem_send(session_, &bytes);
        if (size > 0)
            out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
        if (size < 0) failed_ = true;
        // Data frames are appended by their callback.
        if (size <= 0 && out.size() == before) break;
    }
    events_ = nullptr;
    out_ = nullptr;
}

bool Codec::over() const {
    return failed_ || (::nghttp2_session_want_read(session_) == 0 &&
                       ::nghttp2_session_want_write(session_) == 0);
}

}  // namespace mew::http2
