// What the pages share: which slide to show, and what the server says of it.
"use strict";

const asked = new URLSearchParams(location.search);
const server = asked.get("server") ?? "http://127.0.0.1:8080";
const name = encodeURIComponent(asked.get("slide") ?? "cmu-1");

async function slide() {
    const answer = await fetch(`${server}/api/slides/${name}`);
    if (!answer.ok) {
        throw new Error(`${server} has no slide ${name}: ${answer.status}`);
    }
    return answer.json();
}

// Microns of a pixel of the full resolution, and null where the slide does not say.
const microns = (about) => about.microns_per_pixel?.[0] ?? null;

// Says that the first view is whole, for the script that tests these pages.
const ready = () => document.documentElement.dataset.ready = "yes";
