// The head parser alone, on pieces that the input itself chooses (split_input.h): the outcome is
// that of the whole in one piece, and an accepted head is what the rules say of it, by a second
// look that is slow and simple. The bytes lie elsewhere at each call, as the seam allows.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>

#include "fuzz/pieces.h"
#include "fuzz/split_input.h"
#include "http/grammar.h"
#include "http1/head_parser.h"

namespace {

using mew::http::FieldSlices;
using mew::http::Limits;
using mew::http::RequestHead;
using mew::http1::HeadParser;
namespace cls = mew::http::char_class;

struct Outcome {
    std::string text;      // of all that was found out
    std::size_t size = 0;  // of the head, or of what it took to refuse it
    bool over = true;      // accepted or refused
};

std::string show(std::string_view name, std::string_view value) {
    return std::string(name) + "[" + std::string(value) + "]\n";
}

std::string describe(const RequestHead& head) {
    std::string text = show("method", head.method()) + show("target", head.target()) +
                       show("path", head.path()) + show("query", head.query()) +
                       show("authority", head.authority()) +
                       show("length", std::to_string(head.content_length)) +
                       show("dropped", std::to_string(head.dropped_fields)) +
                       show("framing", std::to_string(static_cast<int>(head.framing))) +
                       show("version", std::to_string(static_cast<int>(head.version)));
    for (const bool fact :
         {head.keep_alive, head.expects_continue, head.absolute_target, head.server_wide}) {
        text += fact ? '1' : '0';
    }
    for (const FieldSlices& field : head.fields()) {
        text += (field.cgi ? "|" : "-") + show(head.name(field), head.value(field));
    }
    return text;
}

bool all_of(std::string_view text, std::uint8_t bits) {
    return std::all_of(text.begin(), text.end(),
                       [&](char c) { return mew::http::has_class(c, bits); });
}

void require(bool holds, const char* promise, const RequestHead& head) {
    mew::fuzz::require(holds, promise, [&] { return describe(head); });
}

void expect_rules(const RequestHead& head, std::string_view block, const Limits& limits) {
    const auto in_rules = [&](bool holds, const char* rule) { require(holds, rule, head); };
    in_rules(block.size() <= limits.head_bytes, "15: the head is too large");
    in_rules(block.ends_with("\r\n\r\n"), "1: the head does not end with an empty line");
    for (std::size_t at = 0; at < block.size(); ++at) {
        in_rules(block[at] != '\n' || (at > 0 && block[at - 1] == '\r'), "1: a bare LF");
        in_rules(block[at] != '\r' || block[at + 1] == '\n', "1: a bare CR");
    }
    in_rules(!head.method().empty() && head.method().size() <= 32 &&
                 all_of(head.method(), cls::kToken) && head.method() != "CONNECT",
             "4: the method");
    in_rules(!head.target().empty() && all_of(head.target(), cls::kTarget), "5: the target");
    in_rules(head.path() == "*" ? head.method() == "OPTIONS" : head.path().front() == '/',
             "5: the path");
    in_rules(head.fields().size() <= limits.head_fields, "15: too many fields");
    int hosts = 0;
    for (const FieldSlices& field : head.fields()) {
        const std::string_view name = head.name(field);
        const std::string_view value = head.value(field);
        in_rules(!name.empty() && all_of(name, cls::kToken), "8: a name");
        in_rules(all_of(value, cls::kValue), "10: a value");
        in_rules(mew::http::trim_blanks(value) == value, "8: blanks around a value");
        in_rules(!field.cgi || all_of(name, cls::kAlnumDash), "12: a name for CGI");
        if (mew::http::equals_ignoring_case("host", name)) ++hosts;
        in_rules(!field.cgi || !mew::http::equals_ignoring_case("proxy", name), "12: Proxy");
    }
    in_rules(hosts == 1 || (hosts == 0 && head.version == mew::http::Version::http10), "7: Host");
    in_rules(
        head.authority().empty() ? hosts == 0 : mew::http::is_valid_authority(head.authority()),
        "7: the authority");
    const bool chunked = head.framing == mew::http::BodyFraming::chunked;
    in_rules(!chunked || (head.content_length == 0 && head.version == mew::http::Version::http11),
             "17: both framings");
    in_rules(limits.body_bytes == 0 || head.content_length <= limits.body_bytes, "16: the length");
}

// One parser's whole life on one connection; the arrivals are sizes of what is there.
Outcome parse(std::string_view wire, const std::vector<std::size_t>& arrivals,
              const Limits& limits) {
    HeadParser parser(limits);
    RequestHead head;
    for (const std::size_t size : arrivals) {
        const std::unique_ptr<char[]> fresh(new char[size]);
        std::copy_n(wire.begin(), size, fresh.get());
        const auto outcome = parser.parse({fresh.get(), size}, head);
        if (outcome == HeadParser::Outcome::more) {
            require(size <= limits.head_bytes, "15: waits for more of too much", head);
            continue;
        }
        if (outcome == HeadParser::Outcome::refused) {
            return {"refused " + std::to_string(parser.refusal().status) + " " +
                        std::string(parser.refusal().reason),
                    size};
        }
        require(parser.size() <= size, "the head ends behind what came", head);
        expect_rules(head, {fresh.get(), parser.size()}, limits);
        return {describe(head), parser.size()};
    }
    return {parser.begun() ? "begun" : "idle", wire.size(), false};
}

Limits limits_of(std::uint8_t flags) {
    Limits limits;
    if ((flags & 1) != 0) limits.head_bytes = 96;
    if ((flags & 2) != 0) limits.head_fields = 3;
    if ((flags & 4) != 0) limits.body_bytes = 24;
    return limits;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const mew::fuzz::SplitInput input({reinterpret_cast<const char*>(data), size});
    if (input.wire.empty()) return 0;
    const Limits limits = limits_of(input.flags);
    const Outcome whole = parse(input.wire, {input.wire.size()}, limits);
    const Outcome split = parse(input.wire, input.arrivals(), limits);
    mew::fuzz::require(whole.text == split.text, "the split changed the outcome",
                       [&] { return whole.text + "\n--- split:\n" + split.text; });
    if (split.over) {
        // What it took is enough: nothing behind it has a say.
        const std::string_view needed = input.wire.substr(0, split.size);
        const Outcome again = parse(needed, {needed.size()}, limits);
        mew::fuzz::require(again.text == whole.text, "bytes behind the head changed the outcome",
                           [&] { return whole.text + "\n--- without them:\n" + again.text; });
    }
    return 0;
}
