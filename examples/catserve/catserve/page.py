"""The page around the cat. Works without JavaScript, in light and dark, on a phone."""

from __future__ import annotations

from html import escape

from catserve.cat import cat_of, new_seed

STYLE = """
:root { color-scheme: light dark; --back: #fbf4ea; --ink: #3a2c38; --soft: #87737f; --card: #fff;
  --accent: #b8432f; }
@media (prefers-color-scheme: dark) { :root { --back: #1d1822; --ink: #f4e9ee; --soft: #b3a0ae;
  --card: #2a232f; --accent: #ffab8a; } }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem;
  background: var(--back); color: var(--ink); font: 1.05rem/1.5 ui-rounded, "Nunito", "Segoe UI",
  system-ui, sans-serif; }
main { width: min(100%, 34rem); text-align: center; }
h1 { font-size: 0.95rem; letter-spacing: 0.16em; text-transform: uppercase; color: var(--soft);
  margin: 0 0 1rem; font-weight: 600; }
figure { margin: 0; background: var(--card); padding: 0.9rem 0.9rem 1.2rem; border-radius: 2rem;
  box-shadow: 0 1.2rem 3rem rgb(60 30 50 / 0.16); }
figure img { display: block; width: 100%; height: auto; aspect-ratio: 1; border-radius: 1.35rem; }
figcaption strong { display: block; font-size: 1.9rem; line-height: 1.25; margin-top: 0.9rem; }
figcaption span { color: var(--soft); }
nav { display: flex; gap: 0.7rem; justify-content: center; flex-wrap: wrap; margin-top: 1.4rem; }
a { color: var(--accent); }
nav a { text-decoration: none; font-weight: 600; padding: 0.62rem 1.35rem; border-radius: 99px;
  border: 2px solid var(--accent); }
nav a.main { background: var(--accent); color: var(--back); }
nav a:hover, nav a:focus-visible { outline: 3px solid var(--soft); outline-offset: 2px; }
footer { margin-top: 1.4rem; font-size: 0.88rem; color: var(--soft); }
.herd { width: min(100%, 70rem); }
.herd div { display: grid; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr));
  gap: 0.8rem; }
.herd img { width: 100%; height: auto; aspect-ratio: 1; border-radius: 1rem; display: block; }
"""


def document(title: str, icon: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>"
        f'<link rel="icon" type="image/svg+xml" href="{icon}"><style>{STYLE}</style></head>'
        f"<body>{body}</body></html>\n"
    )


def cat_page(seed: str, served_by: str) -> str:
    """`served_by` names the form of the app: plain WSGI, Flask or Django."""
    cat = cat_of(seed)
    about = cat.title.removeprefix(f"{cat.name}, ")
    body = f"""<main><h1>Cats as a Service</h1>
<figure><img src="/cat/{seed}.svg" width="800" height="800" alt="{escape(cat.title, quote=True)}">
<figcaption><strong>{escape(cat.name)}</strong><span>{escape(about)}</span></figcaption></figure>
<nav><a class="main" href="/">Another cat</a><a href="/cat/{seed}.svg">Permalink</a>
<a href="/herd">A herd</a></nav>
<footer>Drawn from the seed <code>{seed}</code>, served by {escape(served_by)}</footer></main>"""
    return document(f"{cat.name} · Cats as a Service", f"/cat/{seed}.svg", body)


def herd_page(served_by: str, size: int = 24) -> str:
    seeds = [new_seed() for _ in range(size)]
    cats = "".join(
        f'<a href="/cat/{seed}"><img src="/cat/{seed}.svg" width="200" height="200" '
        f'alt="{escape(cat_of(seed).title, quote=True)}"></a>'
        for seed in seeds
    )
    body = f"""<main class="herd"><h1>A herd of cats</h1><div>{cats}</div>
<nav><a class="main" href="/herd">Another herd</a><a href="/">Only one</a></nav>
<footer>Served by {escape(served_by)}</footer></main>"""
    return document("A herd · Cats as a Service", f"/cat/{seeds[0]}.svg", body)
