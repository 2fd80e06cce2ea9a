'use strict';
(() => {
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const byId = (id) => document.getElementById(id);
  const items = all('details.requirement');

  // Filters: of each kind whatever is pressed may stay, or everything where nothing is pressed; and the words searched for.
  const filters = all('button.filter');
  const search = byId('search');
  const texts = new Map();
  const text = (item) => {
    if (!texts.has(item)) {
      // Cases that are shown elsewhere, such as the example of a finding, belong to it, too.
      const linked = all('.elsewhere a', item).map((link) => document.querySelector(link.getAttribute('href'))?.textContent ?? '');
      texts.set(item, [item.textContent, ...linked].join(' ').toLowerCase());
    }
    return texts.get(item);
  };
  const apply = () => {
    const pressed = {};
    for (const button of filters) {
      if (button.getAttribute('aria-pressed') === 'true') {
        (pressed[button.dataset.filter] ??= []).push(button.dataset.value);
      }
    }
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const item of items) {
      const fits = Object.entries(pressed).every(([kind, values]) => {
        const own = item.dataset[kind].split('|');
        return values.some((value) => own.includes(value));
      });
      item.hidden = !(fits && words.every((word) => text(item).includes(word)));
      shown += !item.hidden;
      const link = document.querySelector(`.matrix a[href="#${item.id}"]`);
      if (link) link.classList.toggle('dim', item.hidden);
    }
    for (const heading of all('h3.workflow')) {
      let next = heading.nextElementSibling;
      while (next && next.hidden && next.matches('details.requirement')) next = next.nextElementSibling;
      heading.hidden = !(next && next.matches('details.requirement'));
    }
    byId('shown').textContent = shown === items.length ? byId('shown').dataset.all : `${shown} of ${byId('shown').dataset.all}`;
    byId('nothing').hidden = shown > 0;
  };
  byId('shown').dataset.all = byId('shown').textContent;
  for (const button of filters) {
    button.addEventListener('click', () => {
      button.setAttribute('aria-pressed', button.getAttribute('aria-pressed') === 'true' ? 'false' : 'true');
      apply();
    });
  }
  search.addEventListener('input', apply);
  const clear = () => {
    filters.forEach((button) => button.setAttribute('aria-pressed', 'false'));
    search.value = '';
  };
  byId('reset').addEventListener('click', () => {
    clear();
    apply();
    search.focus();
  });
  // The numbers at the top lead to the requirements that they count.
  for (const link of all('a[data-press]')) {
    link.addEventListener('click', () => {
      clear();
      filters.find((button) => button.dataset.value === link.dataset.press)?.setAttribute('aria-pressed', 'true');
      apply();
    });
  }
  byId('open-all').addEventListener('click', (event) => {
    const visible = items.filter((item) => !item.hidden);
    const open = visible.some((item) => !item.open);
    visible.forEach((item) => { item.open = open; });
    event.target.textContent = open ? 'Close all' : 'Open all';
  });
  byId('controls').hidden = false;
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && !event.ctrlKey && !event.metaKey && !event.target.matches('input')) {
      event.preventDefault();
      search.focus();
    }
  });

  // A link into something that is closed or filtered away opens it.
  const reveal = () => {
    const goal = location.hash && byId(decodeURIComponent(location.hash.slice(1)));
    if (!goal) return;
    for (let at = goal; at; at = at.parentElement) {
      if (at.matches('details')) at.open = true;
      at.hidden = false;
    }
    goal.scrollIntoView();
  };
  addEventListener('hashchange', reveal);
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link && link.hash === location.hash) reveal();
  });
  reveal();

  // Copying.
  for (const button of all('button.copy')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      const code = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = 'Copied';
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = 'Selected';
      }
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
  }

  // On paper, a finding shows what was expected.
  let opened = [];
  addEventListener('beforeprint', () => {
    opened = all('.finding details.case').filter((one) => !one.open);
    opened.forEach((one) => { one.open = true; });
  });
  addEventListener('afterprint', () => opened.forEach((one) => { one.open = false; }));
})();
