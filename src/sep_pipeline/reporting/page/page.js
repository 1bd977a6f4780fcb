"use strict";

/* Light or dark: the reader's choice, else that of the system. */
const root = document.documentElement;
const THEME = "sep_pipeline theme";

/* A viewer that shows the page in a frame of no origin forbids storage; the choice then lasts as long as the page. */
const remembered = () => { try { return localStorage.getItem(THEME); } catch { return null; } };
const remember = (theme) => { try { localStorage.setItem(THEME, theme); } catch { return; } };

const isDark = () =>
  root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  remember(root.dataset.theme);
}

/* All clips of a song run at once on one clock and all but one are mute, so that a switch keeps the position. */
class Player {
  static FADE_SECONDS = 0.008;
  static TURN_SECONDS = 0.05;

  constructor(element) {
    this.element = element;
    this.grids = [...element.querySelectorAll(".clips")];
    this.slider = element.querySelector("#position");
    this.context = null;
    this.voices = new Map();
    this.decoded = new Map();
    this.offset = 0;
    this.startedAt = 0;
    this.request = 0;
    this.song = 0;
    this.row = "mixture";
    this.stem = "";
    this.show();
  }

  get grid() { return this.grids[this.song]; }
  get seconds() { return Number(this.grid.dataset.seconds); }
  get isPlaying() { return this.element.dataset.state === "playing"; }
  get rows() { return [...new Set(this.clips.map((clip) => clip.dataset.row))]; }
  get clips() { return [...this.grid.querySelectorAll(".clip")]; }

  get position() {
    if (!this.isPlaying) return this.offset;
    const run = Math.max(0, this.context.currentTime - this.startedAt);
    return (this.offset + run) % this.seconds;
  }

  get stems() {
    return [...new Set(this.clips.map((clip) => clip.dataset.stem))].filter(Boolean);
  }

  find(row, stem) {
    return this.clips.find((clip) => clip.dataset.row === row && clip.dataset.stem === stem);
  }

  get heard() { return this.find(this.row, this.row === "mixture" ? "" : this.stem); }

  /* An arm may lack a stem; what cannot be heard is not chosen. */
  choose(row, stem) {
    const wanted = row === "mixture" ? "" : stem || this.stem || this.stems[0];
    if (!this.find(row, wanted)) return;
    this.row = row;
    this.stem = wanted || this.stem;
    this.mix();
    this.show();
  }

  nextArm() {
    const arms = this.rows.filter((row) => row !== "mixture" && row !== "reference");
    this.choose(arms[(arms.indexOf(this.row) + 1) % arms.length], this.stem);
  }

  chooseStem(number) {
    const stem = this.stems[number - 1];
    if (stem) this.choose(this.row === "mixture" ? "reference" : this.row, stem);
  }

  async chooseSong(song) {
    const wasPlaying = this.isPlaying || this.element.dataset.state === "loading";
    this.stop();
    this.song = song;
    this.offset = 0;
    if (!this.heard) [this.row, this.stem] = ["mixture", this.stems[0]];
    this.show();
    if (wasPlaying) await this.play();
  }

  async decode() {
    if (this.decoded.has(this.song)) return this.decoded.get(this.song);
    const buffers = await Promise.all(this.clips.map(async (clip) => {
      const coded = clip.parentElement.querySelector("audio").src.split(",")[1];
      const bytes = Uint8Array.from(atob(coded), (letter) => letter.charCodeAt(0));
      return [clip, await this.context.decodeAudioData(bytes.buffer)];
    }));
    this.decoded.set(this.song, buffers);
    return buffers;
  }

  async play() {
    const request = ++this.request;
    this.element.dataset.state = "loading";
    this.context ??= new AudioContext();
    const [buffers] = await Promise.all([this.decode(), this.context.resume()]);
    /* Another song or a stop may have come meanwhile. */
    if (request !== this.request) return;
    this.start(buffers);
    this.element.dataset.state = "playing";
    this.show();
    this.follow();
  }

  start(buffers) {
    this.startedAt = this.context.currentTime + Player.TURN_SECONDS;
    for (const [clip, buffer] of buffers) {
      const source = new AudioBufferSourceNode(this.context, { buffer, loop: true, loopEnd: this.seconds });
      const gain = new GainNode(this.context, { gain: clip === this.heard ? 1 : 0 });
      source.connect(gain).connect(this.context.destination);
      source.start(this.startedAt, this.offset);
      this.voices.set(clip, { source, gain });
    }
  }

  mix() {
    for (const [clip, { gain }] of this.voices) {
      gain.gain.setTargetAtTime(clip === this.heard ? 1 : 0, this.context.currentTime, Player.FADE_SECONDS);
    }
  }

  stop() {
    this.request += 1;
    this.offset = this.position;
    for (const { source } of this.voices.values()) source.stop();
    this.voices.clear();
    this.element.dataset.state = "stopped";
    this.show();
  }

  toggle() { return this.element.dataset.state === "stopped" ? this.play() : this.stop(); }

  seek(seconds) {
    const wasPlaying = this.isPlaying;
    if (wasPlaying) this.stop();
    this.offset = Math.min(Math.max(0, seconds), this.seconds * 0.999);
    this.show();
    if (wasPlaying) this.play();
  }

  follow() {
    if (!this.isPlaying) return;
    this.showPosition();
    requestAnimationFrame(() => this.follow());
  }

  showPosition() {
    const share = this.position / this.seconds;
    this.slider.value = share;
    this.slider.setAttribute("aria-valuetext", `${this.position.toFixed(1)} seconds`);
    this.grid.style.setProperty("--position", share);
    const text = `${this.position.toFixed(1)} / ${this.seconds.toFixed(1)} s`;
    this.element.querySelector("#time").textContent = text;
  }

  show() {
    this.grids.forEach((grid, song) => { grid.hidden = song !== this.song; });
    for (const button of this.element.querySelectorAll(".song")) {
      button.setAttribute("aria-pressed", Number(button.dataset.song) === this.song);
    }
    for (const clip of this.clips) clip.setAttribute("aria-pressed", clip === this.heard);
    this.element.querySelector("#heard").textContent = this.heard.getAttribute("aria-label");
    this.element.querySelector("#play").setAttribute("aria-label", this.isPlaying ? "Pause" : "Play");
    this.showPosition();
  }
}

function listenToKeys(player) {
  const actions = {
    p: () => player.toggle(),
    m: () => player.choose("mixture"),
    r: () => player.choose("reference"),
    a: () => player.nextArm(),
    n: () => player.chooseSong((player.song + 1) % player.grids.length),
    t: switchTheme,
    arrowleft: () => player.seek(player.position - 1),
    arrowright: () => player.seek(player.position + 1),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.toLowerCase();
    /* A box that scrolls and the slider have their own use for the arrows. */
    if (key.startsWith("arrow") && event.target.closest("input, .wide")) return;
    const action = /^[1-9]$/.test(key) ? () => player.chooseStem(Number(key)) : actions[key];
    if (!action) return;
    event.preventDefault();
    action();
  });
}

const theme = remembered();
if (theme) root.dataset.theme = theme;
document.querySelector("#theme").addEventListener("click", switchTheme);
root.classList.add("scripted");

const player = new Player(document.querySelector("#player"));
player.element.querySelector("#play").addEventListener("click", () => player.toggle());
player.slider.addEventListener("input", () => player.seek(player.slider.valueAsNumber * player.seconds));
for (const button of player.element.querySelectorAll(".song")) {
  button.addEventListener("click", () => player.chooseSong(Number(button.dataset.song)));
}
for (const clip of player.element.querySelectorAll(".clip")) {
  clip.addEventListener("click", () => player.choose(clip.dataset.row, clip.dataset.stem));
}
listenToKeys(player);
