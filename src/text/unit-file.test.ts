// Tests of unit files: settings, templates of instances, and specifiers.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { templateFile, unitSetting, withSpecifiers } from './unit-file.ts';

describe('a setting of a unit file', () => {
  const files: readonly (readonly [what: string, text: string, value: string | undefined])[] = [
    ['is read from its section', '[Unit]\nService=a\n[Socket]\nService=b.service\n', 'b.service'],
    ['is the last one', '[Socket]\nService=a.service\nService = b.service\n', 'b.service'],
    ['is absent where another section has it', '[Unit]\nService=a.service\n', undefined],
    ['is reset by an empty value', '[Socket]\nService=a.service\nService=\n', undefined],
    ['is not read from a comment', '[Socket]\n#Service=a.service\n;Service=b.service\n', undefined],
    ['continues on the next line', '[Socket]\nService=\\\nb.service\n', 'b.service'],
    ['is not found in an empty file', '', undefined],
    ['is not confused by a line without "="', '[Socket]\nService\n', undefined],
  ];
  for (const [what, text, value] of files) {
    test(what, () => assert.equal(unitSetting(text, 'Socket', 'Service'), value));
  }
});

test('the template of an instance is found', () => {
  assert.equal(templateFile('web@1.socket'), 'web@.socket');
  assert.equal(templateFile('web@a.b@c.socket'), 'web@.socket');
  assert.equal(templateFile('web.socket'), undefined);
  assert.equal(templateFile('web@.socket'), undefined);
});

test('specifiers are expanded, and an unsupported one is reported', () => {
  assert.equal(withSpecifiers('app@%i.service', 'web@1.socket'), 'app@1.service');
  assert.equal(withSpecifiers('%p-%N.service', 'web@1.socket'), 'web-web@1.service');
  assert.equal(withSpecifiers('a%%b.service', 'web.socket'), 'a%b.service');
  assert.equal(withSpecifiers('app@%m.service', 'web@1.socket'), undefined);
});
