#include "log/access.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <concepts>
#include <cstdio>

#include "log/escape.h"
#include "log/line.h"
#include "log/log.h"

namespace mew::log {
namespace {

template <std::integral Number>
void append_number(std::string& out, Number number) {
    std::array<char, 24> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    out.append(text.data(), end);
}

// The text of one second, made once in that second.
class SecondText {
public:
    using Make = std::size_t (*)(std::time_t, char*, std::size_t);
    explicit constexpr SecondText(Make make) : make_(make) {}
    std::string_view at(std::time_t second) {
        if (second != second_ || size_ == 0) {
            size_ = make_(second, text_.data(), text_.size());
            second_ = second;
        }
        return {text_.data(), size_};
    }

private:
    Make make_;
    std::time_t second_ = 0;
    std::size_t size_ = 0;
    std::array<char, 64> text_{};
};

std::size_t make_ctime(std::time_t second, char* text, std::size_t size) {
    std::tm parts{};
    ::localtime_r(&second, &parts);
    // Names by hand: %a and %b would follow the locale that the app set.
    static constexpr char kDays[7][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr char kMonths[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const int length =
        std::snprintf(text, size, "%s %s %2d %02d:%02d:%02d %d", kDays[parts.tm_wday % 7],
                      kMonths[parts.tm_mon % 12], parts.tm_mday, parts.tm_hour, parts.tm_min,
                      parts.tm_sec, parts.tm_year + 1900);
    return length < 0 ? 0 : std::min(static_cast<std::size_t>(length), size - 1);
}

std::size_t make_utc(std::time_t second, char* text, std::size_t size) {
    std::tm parts{};
    ::gmtime_r(&second, &parts);
    return std::strftime(text, size, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

thread_local SecondText ctime_text{make_ctime};
thread_local SecondText utc_text{make_utc};

void append_key(std::string& out, std::string_view name) {
    out += ",\"";
    out += name;
    out += "\":";
}

void append_text_field(std::string& out, std::string_view name, std::string_view value) {
    append_key(out, name);
    append_json_string(out, value);
}

template <std::integral Number>
void append_number_field(std::string& out, std::string_view name, Number value) {
    append_key(out, name);
    append_number(out, value);
}

}  // namespace

void append_access_text(std::string& out, const AccessRecord& record) {
    out += "[pid: ";
    append_number(out, record.pid);
    out += "|app: 0|req: ";
    append_number(out, record.app_requests);
    out += '/';
    append_number(out, record.total_requests);
    out += "] ";
    append_printable(out, record.address);
    out += " (";
    append_printable(out, record.user);
    out += ") {";
    append_number(out, record.vars);
    out += " vars in ";
    append_number(out, record.request_bytes);
    out += " bytes} [";
    out += ctime_text.at(record.time);
    out += "] ";
    append_printable(out, record.method);
    out += ' ';
    append_printable(out, record.uri);
    out += " => generated ";
    append_number(out, record.body_bytes);
    out += " bytes in ";
    append_number(out, record.micros / 1000);
    out += " msecs (";
    append_printable(out, record.protocol);
    out += ' ';
    append_number(out, record.status);
    out += ") ";
    append_number(out, record.headers);
    out += " headers in ";
    append_number(out, record.header_bytes);
    out += " bytes (1 switches on core ";
    append_number(out, record.core);
    out += ")\n";
}

void append_access_json(std::string& out, const AccessRecord& record) {
    out += "{\"time\":\"";
    out += utc_text.at(record.time);
    out += "\",\"level\":\"info\"";
    append_text_field(out, "role", settings().role);
    append_number_field(out, "pid", record.pid);
    out += ",\"event\":\"request\",\"message\":\"";
    append_json_text(out, record.method);
    out += ' ';
    append_json_text(out, record.uri);
    out += ' ';
    append_number(out, record.status);
    out += '"';
    append_text_field(out, "addr", record.address);
    append_text_field(out, "user", record.user);
    append_text_field(out, "method", record.method);
    append_text_field(out, "uri", record.uri);
    append_text_field(out, "proto", record.protocol);
    append_number_field(out, "status", record.status);
    append_number_field(out, "bytes", record.body_bytes);
    append_number_field(out, "micros", record.micros);
    append_number_field(out, "headers", record.headers);
    append_number_field(out, "header_bytes", record.header_bytes);
    append_number_field(out, "vars", record.vars);
    append_number_field(out, "request_bytes", record.request_bytes);
    append_number_field(out, "app_requests", record.app_requests);
    append_number_field(out, "total_requests", record.total_requests);
    append_number_field(out, "core", record.core);
    out += "}\n";
}

void append_access(std::string& out, const AccessRecord& record) {
    if (settings().json)
        append_access_json(out, record);
    else
        append_access_text(out, record);
}

void flush_access(std::string& buffer) {
    if (buffer.empty()) return;
    write_ready_lines(buffer);
    buffer.clear();
}

}  // namespace mew::log
