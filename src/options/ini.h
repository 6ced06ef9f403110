#pragma once
// The INI grammar, as uWSGI's users write it: [section], key = value, comments only at the head of
// a line; no quotes, escapes, continuation or inline comments. Sans-I/O: text in, entries out.

#include <string>
#include <string_view>
#include <vector>

namespace mew::options {

struct IniEntry {
    std::string section;
    std::string key;
    std::string value;
    bool bare = false;  // no "="
    int line = 0;
};

struct IniFault {
    int line = 0;
    std::string text;
};

struct IniText {
    std::vector<IniEntry> entries;
    std::vector<std::string> sections;  // in order of first sight
    std::vector<IniFault> faults;       // lines that are no INI
    std::vector<IniFault> warnings;
};

IniText parse_ini(std::string_view text);

}  // namespace mew::options
