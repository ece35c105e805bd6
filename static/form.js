/* The script of a public form: does the proof of work that the form's challenge asks for, and sends the form once.
   Every form works without it, by a slower path (docs/intake.md). It keeps nothing, and asks nobody but the server that the
   form is sent to. On another site: <form data-defence="store-lead" action="https://desk.example.com/api/store-lead" method="post">. */
(() => {
  "use strict";
  /* SHA-256 (FIPS 180-4) of one short text, in plain script: crypto.subtle is not there on http, and slow for many small texts. */
  const K = (() => {
    const found = [];
    for (let n = 2; found.length < 64; n += 1) {
      let prime = true;
      for (let d = 2; d * d <= n; d += 1) if (n % d === 0) prime = false;
      if (prime) found.push((Math.cbrt(n) % 1) * 4294967296 | 0);
    }
    return found;
  })();
  const START = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];
  const w = new Int32Array(64);

  /* The first word of the hash of at most 119 bytes, as a signed number: as many bits as are ever asked for. */
  const firstWord = (bytes) => {
    const blocks = bytes.length > 55 ? 2 : 1, padded = new Uint8Array(64 * blocks);
    padded.set(bytes);
    padded[bytes.length] = 0x80;
    new DataView(padded.buffer).setUint32(64 * blocks - 4, bytes.length * 8);
    const view = new DataView(padded.buffer), h = START.slice();
    for (let block = 0; block < blocks; block += 1) {
      for (let i = 0; i < 16; i += 1) w[i] = view.getInt32(64 * block + 4 * i);
      for (let i = 16; i < 64; i += 1) {
        const x = w[i - 15], y = w[i - 2];
        const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
        const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
        w[i] = (w[i - 16] + s0 + w[i - 7] + s1) | 0;
      }
      let [a, b, c, d, e, f, g, z] = h;
      for (let i = 0; i < 64; i += 1) {
        const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
        const t1 = (z + s1 + ((e & f) ^ (~e & g)) + K[i] + w[i]) | 0;
        const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
        const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
        z = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
      }
      [a, b, c, d, e, f, g, z].forEach((word, i) => { h[i] = (h[i] + word) | 0; });
    }
    return h[0];
  };

  /* Looks for the number in slices, so that the page stays quick to touch. */
  const solve = (challenge) => new Promise((resolve) => {
    const bits = Number(challenge.split(".")[1]), encoder = new TextEncoder();
    let n = 0;
    const slice = () => {
      const until = performance.now() + 12;
      while (performance.now() < until) {
        for (let i = 0; i < 200; i += 1, n += 1) {
          const text = `${challenge}.${n}`;
          if (bits === 0 || firstWord(encoder.encode(text)) >>> (32 - bits) === 0) { resolve(text); return; }
        }
      }
      setTimeout(slice);
    };
    slice();
  });

  const field = (form, name) => {
    let input = form.elements.namedItem(name);
    if (!input) { input = document.createElement("input"); input.type = "hidden"; input.name = name; form.append(input); }
    return input;
  };
  const ask = async (form, path, query) => {
    const url = new URL(path, form.action);
    url.search = new URLSearchParams({ form: form.dataset.defence, ...query });
    const answer = await fetch(url, { credentials: "omit" });
    if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
    return answer.json();
  };
  const say = (form, text) => {
    const status = form.querySelector("[data-defence-status]");
    if (status) { status.textContent = text; status.hidden = text === ""; }
  };

  /* A challenge counts for fifteen minutes; one that is older than ten when the form is sent is exchanged. */
  const FRESH_MS = 10 * 60 * 1000;
  const prepare = (form) => {
    let began = 0, work = null;
    const begin = () => {
      began = Date.now();
      work = (async () => {
        let challenge = form.dataset.challenge;
        form.dataset.challenge = "";
        if (!field(form, "_stamp").value) {
          const given = await ask(form, "/api/intake/stamp", {});
          field(form, "_stamp").value = given.stamp;
          challenge = given.challenge;
        } else if (!challenge) {
          ({ challenge } = await ask(form, "/api/intake/challenge", { stamp: field(form, "_stamp").value }));
        }
        field(form, "_work").value = await solve(challenge);
      })();
      work.catch(() => { work = null; });   /* the form is sent without it, then */
    };
    const opened = Date.now();
    if (!field(form, "_stamp").value) begin();   /* its age counts from now on */
    form.addEventListener("focusin", () => { if (!work) begin(); });
    let sending = false;
    form.addEventListener("submit", async (e) => {
      if (sending) { e.preventDefault(); return; }
      if (field(form, "_work").value && Date.now() - Math.max(began, opened) < FRESH_MS) { sending = true; return; }
      e.preventDefault();
      sending = true;
      say(form, form.dataset.defenceWait || "One moment…");
      if (!work || Date.now() - Math.max(began, opened) >= FRESH_MS) begin();
      try { await work; } catch { /* without a proof it takes the slower path */ }
      say(form, "");
      form.submit();
    });
    /* Back from the next page: what is sent now is another sending, and takes a stamp of its own. */
    window.addEventListener("pageshow", (e) => {
      if (!e.persisted) return;
      sending = false;
      field(form, "_stamp").value = field(form, "_work").value = "";
      begin();
    });
  };
  document.querySelectorAll("form[data-defence]").forEach(prepare);
})();
