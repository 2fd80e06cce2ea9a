"""Building blocks of every report: text, file names, pages, badges, JUnit and Markdown."""
