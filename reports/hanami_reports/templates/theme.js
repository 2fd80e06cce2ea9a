'use strict';

// Theme: what the system says, until the reader says otherwise.
(() => {
  const theme = document.getElementById('theme');
  const dark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  };
  const changed = () => {
    theme.textContent = dark() ? 'Light' : 'Dark';
    document.dispatchEvent(new Event('theme'));
  };
  theme.hidden = false;
  theme.addEventListener('click', () => {
    document.documentElement.dataset.theme = dark() ? 'light' : 'dark';
    changed();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
  changed();
})();
