#pragma once
// Records of FastCGI 1.0: eight bytes of header, content, padding. Numbers are big endian.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/request_head.h"

namespace mew::gateway {

enum class RecordType : std::uint8_t {
    begin_request = 1,
    abort_request = 2,
    end_request = 3,
    params = 4,
    standard_input = 5,
    standard_output = 6,
    standard_error = 7,
    data = 8,
    get_values = 9,
    get_values_result = 10,
    unknown_type = 11,
};

// How a request ended, in end_request.
enum class ProtocolStatus : std::uint8_t {
    request_complete = 0,
    cant_multiplex = 1,
    overloaded = 2,
    unknown_role = 3,
};

inline constexpr std::size_t kRecordHeader = 8;
inline constexpr std::size_t kLargestContent = 65535;

struct RecordHeader {
    std::uint8_t version = 0;
    RecordType type{};
    std::uint16_t request = 0;  // 0: the record is about the protocol, not a request
    std::uint16_t content = 0;
    std::uint8_t padding = 0;

    std::size_t whole() const { return kRecordHeader + content + padding; }
};

// `bytes` are at least kRecordHeader.
RecordHeader read_record_header(std::string_view bytes);

struct BeginRequest {
    std::uint16_t role = 0;
    bool keeps_connection = false;
};
inline constexpr std::uint16_t kResponder = 1;
std::optional<BeginRequest> read_begin_request(std::string_view content);

void append_record_header(std::string& out, RecordType type, std::uint16_t request,
                          std::size_t content);
// Puts a header at `at`, where room was left for it.
void write_record_header(std::string& out, std::size_t at, RecordType type, std::uint16_t request,
                         std::size_t content);
void append_end_request(std::string& out, std::uint16_t request, ProtocolStatus status);
void append_unknown_type(std::string& out, RecordType type);
// The answer to a get_values record: those of its names that we know.
void append_values_result(std::string& out, std::string_view asked);

// Names and values behind one another, each with its length in one or four bytes.
class PairReader {
public:
    explicit PairReader(std::string_view text) : text_(text) {}

    enum class Outcome : std::uint8_t { pair, end, malformed };
    Outcome next(http::Slice& name, http::Slice& value);

private:
    bool take_length(std::size_t& length);

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace mew::gateway
