// The option block: "mew-options 1\n", then records of netstrings ("5:hello,"), each with a kind,
// a count and that many fields. Lengths instead of separators: any byte may be in a value. Written
// by the master (or `mewsgi check`), read by zygotes and workers of the same build.

#include <charconv>
#include <optional>
#include <string_view>

#include "base/format.h"
#include "options/apply.h"
#include "options/load.h"
#include "options/row.h"

namespace mew::options {
namespace {

constexpr std::string_view kHead = "mew-options 1\n";

constexpr std::size_t kLongestSize = 21;  // digits of 64 bits, and the colon

template <class Number>
bool read_number(std::string_view text, Number& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    return error == std::errc() && end == text.data() + text.size();
}

class Writer {
public:
    explicit Writer(std::string& out) : out_(out) {}

    void record(std::string_view kind, std::initializer_list<std::string_view> fields) {
        text(kind);
        text(std::to_string(fields.size()));
        for (const std::string_view field : fields) text(field);
    }

private:
    void text(std::string_view value) {
        out_ += base::format("{}:", value.size());
        out_ += value;
        out_ += ',';
    }

    std::string& out_;
};

using Fields = std::vector<std::string>;

class Reader {
public:
    explicit Reader(std::string_view block) : rest_(block) {}

    bool done() const { return rest_.empty(); }

    std::optional<std::string> text() {
        std::size_t size = 0;
        const auto colon = rest_.substr(0, kLongestSize).find(':');
        if (colon == std::string_view::npos || !read_number(rest_.substr(0, colon), size))
            return std::nullopt;
        rest_.remove_prefix(colon + 1);
        if (size >= rest_.size() || rest_[size] != ',') return std::nullopt;
        std::string value(rest_.substr(0, size));
        rest_.remove_prefix(size + 1);
        return value;
    }

    std::optional<Fields> fields() {
        const auto count_text = text();
        if (!count_text || count_text->size() != 1 || count_text->front() < '0' ||
            count_text->front() > '9')
            return std::nullopt;
        Fields read;
        for (int left = count_text->front() - '0'; left > 0; --left) {
            auto field = text();
            if (!field) return std::nullopt;
            read.push_back(*std::move(field));
        }
        return read;
    }

private:
    std::string_view rest_;
};

// Rows whose fields hold more than their texts say have records of their own.
bool has_own_record(const Row& row) {
    const auto* const custom = std::get_if<Custom>(&row.field);
    return custom != nullptr && !custom->told_by_text;
}

bool read_option(const Fields& fields, Options& options) {
    if (fields.size() != 2) return false;
    const Row* const row = find_row(fields[0]);
    if (row == nullptr) return false;
    if (auto* const text = std::get_if<std::string Options::*>(&row->field)) {
        options.*(*text) = fields[1];
        return true;
    }
    if (auto* const list = std::get_if<std::vector<std::string> Options::*>(&row->field)) {
        (options.*(*list)).push_back(fields[1]);
        return true;
    }
    return apply_value(options, *row, fields[1]).has_value();
}

bool read_listen(const Fields& fields, Options& options) {
    std::int64_t protocol = 0;
    if (fields.size() != 3 || !read_number(fields[0], protocol) || protocol < 0 ||
        protocol >= net::kProtocols)
        return false;
    options.listen_addresses.push_back(
        {static_cast<net::Protocol>(protocol), fields[1], fields[2]});
    return true;
}

bool read_https(const Fields& fields, Options& options) {
    if (fields.size() != 1) return false;
    options.https.push_back(fields[0]);
    return true;
}

bool read_sni(const Fields& fields, Options& options) {
    if (fields.size() != 1) return false;
    options.sni.push_back(fields[0]);
    return true;
}

bool read_env(const Fields& fields, Options& options) {
    if (fields.empty() || fields.size() > 2) return false;
    EnvironmentChange change{fields[0], std::nullopt};
    if (fields.size() == 2) change.value = fields[1];
    options.env.push_back(std::move(change));
    return true;
}

bool read_processes(const Fields& fields, Options& options) {
    std::int64_t number = 0;
    if (fields.size() != 2 || !read_number(fields[0], number)) return false;
    options.processes = static_cast<int>(number);
    options.processes_auto = fields[1] == "auto";
    return true;
}

bool read_keepalive(const Fields& fields, Options& options) {
    std::int64_t number = 0;
    if (fields.size() != 1 || !read_number(fields[0], number)) return false;
    options.http_keepalive = Milliseconds(number);
    return true;
}

bool read_given(const Fields& fields, Loaded& loaded) {
    if (fields.size() != 5) return false;
    loaded.given.push_back({fields[0], fields[1], fields[2] == "1", fields[3], fields[4]});
    return true;
}

bool read_mistake(const Fields& fields, std::vector<Mistake>& to) {
    if (fields.size() != 2) return false;
    to.push_back({fields[0], fields[1]});
    return true;
}

bool read_record(std::string_view kind, const Fields& fields, Loaded& loaded) {
    if (kind == "option") return read_option(fields, loaded.options);
    if (kind == "listen") return read_listen(fields, loaded.options);
    if (kind == "https") return read_https(fields, loaded.options);
    if (kind == "sni") return read_sni(fields, loaded.options);
    if (kind == "env") return read_env(fields, loaded.options);
    if (kind == "processes") return read_processes(fields, loaded.options);
    if (kind == "keepalive") return read_keepalive(fields, loaded.options);
    if (kind == "given") return read_given(fields, loaded);
    if (kind == "warning") return read_mistake(fields, loaded.warnings);
    if (kind == "mistake") return read_mistake(fields, loaded.mistakes);
    return false;
}

}  // namespace

std::string encode_block(const Loaded& loaded) {
    std::string block(kHead);
    Writer writer(block);
    const Options& options = loaded.options;
    for (const Row& row : table()) {
        if (has_own_record(row)) continue;
        for (const std::string& value : show_values(options, row))
            writer.record("option", {row.name, value});
    }
    for (const ListenAddress& listen : options.listen_addresses)
        writer.record("listen", {std::to_string(static_cast<int>(listen.protocol)), listen.option,
                                 listen.address});
    for (const std::string& certificate : options.https) writer.record("https", {certificate});
    for (const std::string& certificate : options.sni) writer.record("sni", {certificate});
    for (const EnvironmentChange& change : options.env) {
        if (change.value)
            writer.record("env", {change.name, *change.value});
        else
            writer.record("env", {change.name});
    }
    writer.record("processes",
                  {std::to_string(options.processes), options.processes_auto ? "auto" : ""});
    writer.record("keepalive", {std::to_string(options.http_keepalive.count())});
    for (const Given& given : loaded.given)
        writer.record(
            "given", {given.name, given.value, given.bare ? "1" : "", given.origin, given.written});
    for (const Mistake& warning : loaded.warnings)
        writer.record("warning", {warning.origin, warning.text});
    for (const Mistake& mistake : loaded.mistakes)
        writer.record("mistake", {mistake.origin, mistake.text});
    return block;
}

base::Result<Loaded> decode_block(const std::string& block) {
    if (!block.starts_with(kHead))
        return base::fail("the option block is not of this build's kind");
    Loaded loaded;
    loaded.options.log_level.clear();  // as every text: an empty one has no record
    Reader reader(std::string_view(block).substr(kHead.size()));
    while (!reader.done()) {
        const auto kind = reader.text();
        const auto fields = kind ? reader.fields() : std::nullopt;
        if (!fields) return base::fail("the option block is cut or damaged");
        if (!read_record(*kind, *fields, loaded))
            return base::fail(base::format("the option block has a bad record of kind {}", *kind));
    }
    return loaded;
}

}  // namespace mew::options
