// The house rules for JavaScript; lengths of files are in tests/layering, with those of Rust.

const rules = {
  eqeqeq: 'error',
  'no-cond-assign': 'error',
  'no-dupe-keys': 'error',
  'no-unreachable': 'error',
  'no-unused-vars': ['error', { argsIgnorePattern: '^_', caughtErrors: 'none' }],
  'no-useless-escape': 'error',
  'no-var': 'error',
  'prefer-const': 'error',
  'max-lines-per-function': ['error', { max: 69 }],
};

export default [
  { ignores: ['**/pkg/', '**/target/', '**/node_modules/', '**/dist/'] },
  { files: ['**/*.js', '**/*.mjs'], rules, linterOptions: { reportUnusedDisableDirectives: 'error' } },
];
