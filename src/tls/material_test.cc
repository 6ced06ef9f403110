#include "tls/material.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mew::tls {
namespace {

Certificate some_certificate() {
    Certificate certificate;
    certificate.names = {"example.org", "*.example.org"};
    certificate.chain_pem = "chain";
    certificate.key_pem = "key";
    certificate.ca_pem = "authority";
    certificate.client_required = true;
    certificate.ciphers = "HIGH";
    certificate.ocsp_der = std::string("\0\1", 2);
    certificate.source = "/etc/x.crt";
    certificate.expires = 4102444800;
    return certificate;
}

TEST(Material, ComesBackAsItWasPacked) {
    Material material;
    material.listeners.push_back({3, some_certificate()});
    material.sni = {Certificate{}, some_certificate()};
    const auto back = unpack_material(pack(material));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, material);
}

TEST(Material, NothingIsMaterialToo) {
    const auto back = unpack_material(pack(Material{}));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, Material{});
}

TEST(Material, DamagedBytesAreRefused) {
    Material material;
    material.sni.push_back(some_certificate());
    const std::string bytes = pack(material);
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(unpack_material(bytes.substr(0, size))) << size;
    EXPECT_FALSE(unpack_material(bytes + "x"));
    EXPECT_FALSE(unpack_material("MEWTLS01" + bytes.substr(8)));
}

TEST(Material, TicketKeysComeBackAsTheyWerePacked) {
    TicketKeys keys;
    for (auto& key : keys.keys) key.fill(static_cast<std::uint8_t>(&key - keys.keys.data() + 1));
    const auto back = unpack_ticket_keys(pack(keys));
    ASSERT_TRUE(back);
    EXPECT_EQ(*back, keys);
    EXPECT_FALSE(unpack_ticket_keys(pack(keys).substr(1)));
}

}  // namespace
}  // namespace mew::tls
