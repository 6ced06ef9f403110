#pragma once
// A head of fields that a test names, as a codec would have made it.

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/forwarded.h"
#include "http/request_head.h"

namespace mew::http::testing {

struct BuiltHead {
    using Fields = std::vector<std::pair<std::string, std::string>>;

    explicit BuiltHead(const Fields& fields, std::string_view client_address = {}) {
        std::vector<Slice> slices;
        const auto put = [&](std::string_view text) {
            block.append(text).append("\n");
            slices.push_back({static_cast<std::uint32_t>(block.size() - text.size() - 1),
                              static_cast<std::uint32_t>(text.size())});
        };
        put(client_address);
        for (const auto& [name, value] : fields) {
            put(name);
            put(value);
        }
        head.set_block(block.data(), block.size());
        head.client_address_slice = slices.front();
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const FieldSlices field{slices[2 * i + 1], slices[2 * i + 2],
                                    find_field_name(fields[i].first)};
            if (field.id == FieldName::host) head.authority_slice = field.value;
            head.has_forwarded = head.has_forwarded || is_forwarded_name(field.id);
            head.fields().push_back(field);
        }
    }

    std::string block;
    RequestHead head;
};

}  // namespace mew::http::testing
