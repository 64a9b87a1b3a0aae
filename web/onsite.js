/* onsite.js - shows what the page brings. */
(function () {})();
