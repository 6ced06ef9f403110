// Looking rows up; the rows themselves are in table.cc.

#include "options/row.h"

namespace mew::options {
namespace {

struct GroupText {
    Group group;
    std::string_view name;
    std::string_view title;
};
bool has_word(std::string_view text, std::string_view word) {
    if (word.empty() || word.find(' ') != std::string_view::npos) return false;
    for (auto at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
        const auto end = at + word.size();
        const bool starts = at == 0 || text[at - 1] == ' ';
        if (starts && (end == text.size() || text[end] == ' ')) return true;
    }
    return false;
}

constexpr GroupText kGroups[] = {
    {Group::app, "app", "The application"},
    {Group::processes, "process", "Processes"},
    {Group::async, "asgi", "ASGI, WebSockets and gevent"},
    {Group::sockets, "sockets", "Where it listens"},
    {Group::http, "limits", "Limits of HTTP"},
    {Group::tls, "tls", "HTTPS and HTTP/2"},
    {Group::stopping, "stopping", "Stopping and reloading"},
    {Group::log, "log", "Log"},
    {Group::configuration, "configuration", "Configuration"},
};

}  // namespace

const Row* find_row(std::string_view name) {
    for (const Row& row : table()) {
        if (row.name == name || has_word(row.aliases, name)) return &row;
    }
    return nullptr;
}

const Row* find_short(char letter) {
    for (const Row& row : table())
        if (row.short_form != '\0' && row.short_form == letter) return &row;
    return nullptr;
}

std::string_view group_title(Group group) {
    for (const GroupText& text : kGroups)
        if (text.group == group) return text.title;
    return {};
}

std::string_view group_name(Group group) {
    for (const GroupText& text : kGroups)
        if (text.group == group) return text.name;
    return {};
}

std::vector<std::string_view> words(std::string_view text) {
    std::vector<std::string_view> found;
    while (!text.empty()) {
        const auto blank = text.find(' ');
        if (blank != 0) found.push_back(text.substr(0, blank));
        if (blank == std::string_view::npos) break;
        text.remove_prefix(blank + 1);
    }
    return found;
}

}  // namespace mew::options
