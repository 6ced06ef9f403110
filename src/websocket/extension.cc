#include "websocket/extension.h"

#include "http/grammar.h"

namespace mew::websocket {
namespace {

// Reads tokens and separators of RFC 6455 9.1, blanks around them included.
class Reader {
public:
    explicit Reader(std::string_view text) : rest_(http::trim_blanks(text)) {}

    bool at_end() const { return rest_.empty(); }
    bool take(char separator) {
        if (rest_.empty() || rest_.front() != separator) return false;
        rest_ = http::trim_blanks(rest_.substr(1));
        return true;
    }
    // Empty: there is none.
    std::string_view token() {
        std::size_t size = 0;
        while (size < rest_.size() && http::has_class(rest_[size], http::char_class::kToken)) {
            ++size;
        }
        const std::string_view text = rest_.substr(0, size);
        rest_ = http::trim_blanks(rest_.substr(size));
        return text;
    }
    // A token, quoted or not: what is in quotes must be one too. Empty: it is none.
    std::string_view value() {
        if (rest_.empty() || rest_.front() != '"') return token();
        const std::size_t end = rest_.find('"', 1);
        if (end == std::string_view::npos) return {};
        const std::string_view text = rest_.substr(1, end - 1);
        rest_ = http::trim_blanks(rest_.substr(end + 1));
        return http::is_token(text) ? text : std::string_view();
    }

private:
    std::string_view rest_;
};

struct Parameter {
    std::string_view name;
    std::optional<std::string_view> value;
};

// One offer of permessage-deflate, parameter by parameter.
class Offer {
public:
    // RFC 7692 7.1: names are compared as they are; twice the same, an unknown one or a bad value
    // make the offer one to decline.
    void take(const Parameter& parameter) {
        if (parameter.name == "server_no_context_takeover") {
            note(kServerTakeover, !parameter.value);
        } else if (parameter.name == "client_no_context_takeover") {
            note(kClientTakeover, !parameter.value);
        } else if (parameter.name == "client_max_window_bits") {
            note(kClientBits, !parameter.value || window_bits(*parameter.value) != 0);
        } else if (parameter.name == "server_max_window_bits") {
            const std::uint8_t bits = parameter.value ? window_bits(*parameter.value) : 0;
            // zlib makes no streams of 8 bits without a header of its own.
            note(kServerBits, bits >= 9);
            deflate_ = {bits, true};
        } else {
            acceptable_ = false;
        }
    }
    std::optional<Deflate> accepted() const {
        return acceptable_ ? std::optional(deflate_) : std::nullopt;
    }

private:
    static constexpr unsigned kServerTakeover = 1;
    static constexpr unsigned kClientTakeover = 2;
    static constexpr unsigned kClientBits = 4;
    static constexpr unsigned kServerBits = 8;

    // 8 to 15 without leading zeros; 0: it is none.
    static std::uint8_t window_bits(std::string_view text) {
        if (text == "8" || text == "9") return static_cast<std::uint8_t>(text[0] - '0');
        if (text.size() != 2 || text[0] != '1' || text[1] < '0' || text[1] > '5') return 0;
        return static_cast<std::uint8_t>(10 + text[1] - '0');
    }
    void note(unsigned which, bool valid) {
        if (!valid || (seen_ & which) != 0) acceptable_ = false;
        seen_ |= which;
    }

    Deflate deflate_;
    unsigned seen_ = 0;
    bool acceptable_ = true;
};

base::Unexpected<http::Refusal> malformed() {
    return {http::Refusal{400, "Sec-WebSocket-Extensions is malformed"}};
}

// The parameters behind an extension's name; false: malformed.
bool read_parameters(Reader& reader, Offer& offer) {
    while (reader.take(';')) {
        Parameter parameter{reader.token(), std::nullopt};
        if (parameter.name.empty()) return false;
        if (reader.take('=')) {
            parameter.value = reader.value();
            if (parameter.value->empty()) return false;
        }
        offer.take(parameter);
    }
    return true;
}

}  // namespace

base::Result<std::optional<Deflate>, http::Refusal> find_deflate(std::string_view value) {
    std::optional<Deflate> found;
    Reader reader(value);
    while (!reader.at_end()) {
        if (reader.take(',')) continue;  // empty elements of a list are no matter, RFC 9110 5.6.1
        const std::string_view name = reader.token();
        Offer offer;
        if (name.empty() || !read_parameters(reader, offer)) return malformed();
        if (!reader.at_end() && !reader.take(',')) return malformed();
        if (!found && name == "permessage-deflate") found = offer.accepted();
    }
    return found;
}

void append_extension(const Deflate& deflate, std::string& out) {
    out.append("permessage-deflate; server_no_context_takeover; client_no_context_takeover");
    if (deflate.answers_window_bits) {
        out.append("; server_max_window_bits=").append(std::to_string(deflate.window_bits));
    }
}

}  // namespace mew::websocket
