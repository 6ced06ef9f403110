#pragma once
// Texts to values and back. Strict: what does not parse whole is an error that says what would.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "options/options.h"

namespace mew::options {

struct Row;

// false, off, no and 0 in any case are false; anything else is true, as uWSGI has it.
bool parse_boolean(std::string_view text);
// One of the words that people mean by a boolean, or empty.
bool is_usual_boolean(std::string_view text);

base::Result<std::int64_t> parse_integer(std::string_view text);
base::Result<std::int64_t> parse_bytes(std::string_view text);
base::Result<Milliseconds> parse_duration(std::string_view text);

// The shortest text that parse_duration reads back as the same: "8s", "1500ms".
std::string show_duration(Milliseconds value);

// Bytes of an input as a message may hold them: control and invalid bytes escaped, long text cut.
std::string printable(std::string_view text, std::size_t limit = 120);
bool is_valid_utf8(std::string_view text);
// pkg.mod, as Python names it; letters outside ASCII are taken on trust.
bool is_dotted_name(std::string_view text);

std::string_view trim(std::string_view text);
bool equals_ignoring_case(std::string_view one, std::string_view other);

}  // namespace mew::options
