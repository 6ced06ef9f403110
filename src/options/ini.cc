// Parser of INI text for config_file.cc. Every line stands for itself, so that a fault in one says
// its number and hides no other.

#include "options/ini.h"

#include <algorithm>

#include "base/format.h"
#include "options/parse_value.h"

namespace mew::options {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

void parse_line(std::string_view line, int number, std::string& section, IniText& out) {
    if (line.find('\0') != std::string_view::npos) {
        out.faults.push_back({number, "the line holds a NUL byte; is this a text file?"});
        return;
    }
    line = trim(line);
    if (line.empty() || line.front() == ';' || line.front() == '#') return;
    if (line.front() == '[') {
        const auto close = line.find(']');
        if (close == std::string_view::npos) {
            out.faults.push_back(
                {number, base::format("\"{}\" opens a section but lacks the ]", printable(line))});
            section.clear();
            return;
        }
        section = std::string(trim(line.substr(1, close - 1)));
        if (std::find(out.sections.begin(), out.sections.end(), section) == out.sections.end())
            out.sections.push_back(section);
        return;
    }
    const auto equals = line.find('=');
    IniEntry entry;
    entry.section = section;
    entry.key = std::string(trim(line.substr(0, equals)));
    entry.bare = equals == std::string_view::npos;
    if (!entry.bare) entry.value = std::string(trim(line.substr(equals + 1)));
    entry.line = number;
    if (entry.key.empty())
        out.faults.push_back({number, "a name is missing before the ="});
    else if (section.empty())
        out.warnings.push_back(
            {number, base::format("\"{}\" stands before any [section] and is ignored",
                                  printable(entry.key))});
    else
        out.entries.push_back(std::move(entry));
}

}  // namespace

IniText parse_ini(std::string_view text) {
    IniText out;
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    std::string section;
    for (int number = 1; !text.empty(); ++number) {
        const auto end = text.find('\n');
        parse_line(text.substr(0, end), number, section, out);
        if (end == std::string_view::npos) break;
        text.remove_prefix(end + 1);
    }
    return out;
}

}  // namespace mew::options
