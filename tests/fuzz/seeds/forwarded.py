"""Fields of proxies, a letter and a value a line: see forwarded_fuzz.cc."""

from __future__ import annotations

HEADS = {
    "for": "f192.0.2.7",
    "for_list": "f203.0.113.9, 192.0.2.7, 10.0.0.2,fd00::2",
    "for_lines": "f203.0.113.9\nf192.0.2.7\nf10.0.0.3, 10.0.0.2",
    "for_ports": "f192.0.2.7:4321, [fd00::1]:80, 10.0.0.2:_p",
    "for_all_trusted": "f10.0.0.3, 10.0.0.2",
    "for_mapped": "f::ffff:192.0.2.7, ::FFFF:10.0.0.2",
    "for_unknown": "f192.0.2.7, unknown, 10.0.0.2",
    "for_malformed": "f192.0.2.7, [::1, 10.0.0.2",
    "all": "ohost\nf192.0.2.7\nphttps\nhcats.example:8443\nn443\nson",
    "lists": "f192.0.2.7, 10.0.0.2\nphttps, http\nhevil, a.example, b.example\nn1, 443",
    "bad_values": "pgopher\nha b\nn99999\nsmaybe",
    "forwarded": 'wfor="[2001:db8::7]:4321";proto=https;host="h:8443"',
    "forwarded_list": "wfor=192.0.2.7;proto=https;host=a, for=10.0.0.2;by=x;proto=http",
    "forwarded_quotes": 'w", for="a,b;c";x="=", for=192.0.2.7',
    "forwarded_escape": 'wfor="\\"", for=192.0.2.7',
    "forwarded_twice": "wfor=192.0.2.7;for=192.0.2.8",
    "forwarded_hidden": "wfor=_hidden;proto=https, for=10.0.0.2",
    "both": "f192.0.2.7\nwfor=203.0.113.9;host=evil",
    "gateway": "r10.0.0.5\nf203.0.113.9, 192.0.2.7\nphttps",
    "gateway_client": "r198.51.100.1\nf192.0.2.7\nphttps",
}
SEEDS: dict[str, bytes] = {name: head.encode("latin-1") for name, head in HEADS.items()}
