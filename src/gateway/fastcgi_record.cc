#include "gateway/fastcgi_record.h"

namespace mew::gateway {

namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kKeepConnection = 1;

std::uint8_t byte_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint8_t>(bytes[at]);
}
std::uint16_t number_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

void append_pair(std::string& out, std::string_view name, std::string_view value) {
    out += static_cast<char>(name.size());
    out += static_cast<char>(value.size());
    out.append(name).append(value);
}

}  // namespace

RecordHeader read_record_header(std::string_view bytes) {
    RecordHeader header;
    header.version = byte_at(bytes, 0);
    header.type = static_cast<RecordType>(byte_at(bytes, 1));
    header.request = number_at(bytes, 2);
    header.content = number_at(bytes, 4);
    header.padding = byte_at(bytes, 6);
    return header;
}

std::optional<BeginRequest> read_begin_request(std::string_view content) {
    if (content.size() != 8) return std::nullopt;
    return BeginRequest{number_at(content, 0), (byte_at(content, 2) & kKeepConnection) != 0};
}

void write_record_header(std::string& out, std::size_t at, RecordType type, std::uint16_t request,
                         std::size_t content) {
    char* const header = out.data() + at;
    header[0] = static_cast<char>(kVersion);
    header[1] = static_cast<char>(type);
    header[2] = static_cast<char>(request >> 8);
    header[3] = static_cast<char>(request & 0xff);
    header[4] = static_cast<char>(content >> 8);
    header[5] = static_cast<char>(content & 0xff);
    header[6] = header[7] = '\0';
}

void append_record_header(std::string& out, RecordType type, std::uint16_t request,
                          std::size_t content) {
    const std::size_t at = out.size();
    out.append(kRecordHeader, '\0');
    write_record_header(out, at, type, request, content);
}

void append_end_request(std::string& out, std::uint16_t request, ProtocolStatus status) {
    append_record_header(out, RecordType::end_request, request, 8);
    out.append(4, '\0');  // the app's status
    out += static_cast<char>(status);
    out.append(3, '\0');
}

void append_unknown_type(std::string& out, RecordType type) {
    append_record_header(out, RecordType::unknown_type, 0, 8);
    out += static_cast<char>(type);
    out.append(7, '\0');
}

void append_values_result(std::string& out, std::string_view asked) {
    std::string values;
    PairReader reader(asked);
    http::Slice name_at;
    http::Slice value_at;
    bool connections = false;
    bool requests = false;
    bool multiplexed = false;
    while (reader.next(name_at, value_at) == PairReader::Outcome::pair) {
        const std::string_view name = asked.substr(name_at.at, name_at.size);
        connections = connections || name == "FCGI_MAX_CONNS";
        requests = requests || name == "FCGI_MAX_REQS";
        multiplexed = multiplexed || name == "FCGI_MPXS_CONNS";
    }
    // Of each worker; connections beyond the one that is served wait in its queue.
    if (connections) append_pair(values, "FCGI_MAX_CONNS", "1024");
    if (requests) append_pair(values, "FCGI_MAX_REQS", "1024");
    if (multiplexed) append_pair(values, "FCGI_MPXS_CONNS", "0");
    append_record_header(out, RecordType::get_values_result, 0, values.size());
    out += values;
}

bool PairReader::take_length(std::size_t& length) {
    if (at_ >= text_.size()) return false;
    length = byte_at(text_, at_);
    if (length < 0x80) {
        ++at_;
        return true;
    }
    if (text_.size() - at_ < 4) return false;
    length = (length & 0x7f) << 24 | static_cast<std::size_t>(number_at(text_, at_ + 1)) << 8 |
             byte_at(text_, at_ + 3);
    at_ += 4;
    return true;
}

PairReader::Outcome PairReader::next(http::Slice& name, http::Slice& value) {
    if (at_ == text_.size()) return Outcome::end;
    std::size_t name_size = 0;
    std::size_t value_size = 0;
    if (!take_length(name_size) || !take_length(value_size)) return Outcome::malformed;
    const std::size_t left = text_.size() - at_;
    if (name_size > left || value_size > left - name_size) return Outcome::malformed;
    name = {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(name_size)};
    at_ += name_size;
    value = {static_cast<std::uint32_t>(at_), static_cast<std::uint32_t>(value_size)};
    at_ += value_size;
    return Outcome::pair;
}

}  // namespace mew::gateway
