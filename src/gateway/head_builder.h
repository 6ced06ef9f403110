#pragma once
// From the CGI variables of a gateway's request to the one neutral RequestHead. uwsgi, FastCGI and
// SCGI carry the same variables, packed differently: a codec brings their bytes into block() and
// adds each pair; header names are rewritten there in place. Used again by each request of a
// connection, for its memory.
//
// Held to the rules of HTTP/1.1: method, target, Host, lengths and header values are checked as if
// they had come that way. A variable named twice is the web server's configuration replacing what
// an earlier line said, so the last one counts; only what frames the message must not differ.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "http/codec.h"

namespace mew::gateway {

using Step = std::optional<http::Refusal>;  // nullopt: go on

class HeadBuilder {
public:
    explicit HeadBuilder(const http::Limits& limits) : limits_(limits) {}

    // Starts a new request; clears the block.
    void begin(http::RequestHead& head);
    std::string& block() { return block_; }

    // One variable; name and value lie in the block.
    Step add(http::Slice name, http::Slice value);
    // All variables are there. `strip_script_name`: PATH_INFO still starts with SCRIPT_NAME.
    Step finish(bool strip_script_name);

    bool has_length() const { return has_length_; }

private:
    Step add_known(std::string_view name, http::Slice name_at, http::Slice value, bool& known);
    Step add_header(http::Slice name, http::Slice value);
    Step add_single(const http::FieldSlices& field, std::size_t& place);
    Step add_field(const http::FieldSlices& field);
    Step add_method(http::Slice value);
    Step add_version(std::string_view value);
    Step add_host(const http::FieldSlices& field);
    Step add_content_length(http::Slice name, http::Slice value);
    Step add_content_type(http::Slice name, http::Slice value);
    Step add_other(http::Slice name, http::Slice value);
    bool rewrite_name(http::Slice name);

    Step check_target() const;
    void find_path(bool strip_script_name);
    void split_target();
    void make_target();

    std::string_view text(http::Slice slice) const {
        return {block_.data() + slice.at, slice.size};
    }

    const http::Limits& limits_;
    http::RequestHead* head_ = nullptr;
    std::string block_;
    http::Slice whole_path_;   // DOCUMENT_URI: the decoded path, SCRIPT_NAME included
    std::size_t host_at_ = 0;  // places in fields(), from 1; 0: none yet
    std::size_t type_at_ = 0;
    bool has_path_ = false;  // PATH_INFO was there, be it empty
    bool has_query_ = false;
    bool has_length_ = false;
};

}  // namespace mew::gateway
