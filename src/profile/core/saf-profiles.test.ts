/** Generic profiles: the resources they cover, and which of several profiles applies. */

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { covers, ProfileIndex } from './saf-profiles.ts';

const index = (...names: string[]): ProfileIndex<{ readonly name: string }> =>
  new ProfileIndex(names.map((name) => ({ name })));

describe('a profile covers', () => {
  /** RACF Command Language Reference, "Profile names for general resources". */
  const cases: readonly (readonly [profile: string, covered: string, not: string])[] = [
    ['AB.CD', 'AB.CD', 'AB.CD.EF AB AB.C AB.CDE XAB.CD'],
    // "Specify a percent sign to match any single character".
    ['AB.%D', 'AB.CD AB.DD', 'AB.D AB.CCD AB..D'],
    ['AB.CD%', 'AB.CDE', 'AB.CD AB.CDEF AB.CD.E'],
    ['A%.CD', 'AB.CD', 'A.CD ABC.CD A..CD'],
    // "As a qualifier at the beginning of a profile name to match any one qualifier".
    ['*.CD', 'AB.CD X.CD', 'CD AB.X.CD AB.CD.E'],
    // "As a character at the end of a profile name (for example, ABC.DEF*) to match zero or more characters until the
    // end of the resource name, zero or more qualifiers until the end of the resource name, or both."
    ['AB.CD*', 'AB.CD AB.CDEF AB.CD.EF AB.CDE.FG.H', 'AB AB.C AB.XCD ABC.CD'],
    ['AB.C%*', 'AB.CD AB.CDE AB.CD.EF', 'AB.C AB.C.DE'],
    // "As a qualifier at the end of a profile name (for example, ABC.DEF.*) to match one or more qualifiers".
    ['AB.CD.*', 'AB.CD.EF AB.CD.EF.GH', 'AB.CD AB.CDE AB.X.EF'],
    ['*', 'AB AB.CD AB.CD.EF', ''],
    // "As a qualifier in the middle of a profile name (for example, ABC.*.DEF) to match any one qualifier".
    ['AB.*.EF', 'AB.CD.EF AB.X.EF', 'AB.EF AB.C.D.EF AB.CD.EF.GH'],
    ['AB.*.*.EF', 'AB.C.D.EF', 'AB.C.EF AB.C.D.E.EF'],
    // "As a character at the end of a qualifier in the middle of a profile name": up to the end of the qualifier.
    ['AB.CD*.EF', 'AB.CD.EF AB.CDX.EF', 'AB.CX.EF AB.CD.X.EF AB.CD AB.CDX'],
    // "As either a beginning, middle, or ending qualifier ... to match zero or more qualifiers".
    ['AB.**', 'AB AB.CD AB.CD.EF', 'ABC X.AB'],
    ['AB.CD.**', 'AB.CD AB.CD.EF AB.CD.EF.GH', 'AB AB.CDE'],
    ['AB.**.EF', 'AB.EF AB.CD.EF AB.C.D.EF AB.EF.EF', 'AB AB.CD AB.EF.GH'],
    ['**.EF', 'EF AB.EF AB.CD.EF', 'AB.CD AB.EF.GH XEF'],
    ['**', 'AB AB.CD AB.CD.EF', ''],
    ['AB.**.E*', 'AB.E AB.EF AB.CD.E.F AB.C.D.EF.GH', 'AB AB.CD'],
    ['AB.**.*', 'AB.C AB.C.D', 'AB X.C'],
    ['AB.CD*.**', 'AB.CD AB.CDE AB.CD.E', 'AB AB.C.D'],
    ['AB.*.**', 'AB.C AB.C.D', 'AB X.C'],
  ];
  for (const [profile, covered, not] of cases) {
    test(profile, () => {
      for (const name of covered.split(' ')) assert.equal(covers(profile, name.split('.')), true, name);
      for (const name of not.split(' ')) {
        if (name !== '') assert.equal(covers(profile, name.split('.')), false, name);
      }
    });
  }

  test('an undefined qualifier, if the profile can match any value', () => {
    const open = ['EZB', 'PORTACCESS', 'S', 'T', undefined];
    for (const profile of [
      'EZB.PORTACCESS.S.T.WEB',
      'EZB.**',
      '**',
      'EZB.*.S.%.*',
      'EZB.PORTACCESS.S.T*',
      '**.WEB',
    ]) {
      assert.equal(covers(profile, open), true, profile);
    }
    for (const profile of [
      'EZB.PORTACCESS.S.T',
      'EZB.PORTACCESS.X.T.WEB',
      'EZB.STACKACCESS.**',
      'EZB.*.S.T.A.B',
    ]) {
      assert.equal(covers(profile, open), false, profile);
    }
  });
});

describe('the most specific profile applies', () => {
  // After table 1 of "Generic profile checking of general resources" (RACF Security Administrator's Guide): profiles
  // that cover a resource, from the most specific to the least.
  const orders: readonly (readonly [resource: string, ...profiles: string[]])[] = [
    [
      'COPY.PAPER',
      'COPY.PAPER',
      'COPY.PAPER.**',
      'COPY.PAPER*',
      'COPY.PAPE%',
      'COPY.PAP*',
      'COPY.%APER',
      'COPY.*',
      'COPY.**',
      '**',
    ],
    [
      'COPY.PAPER.TEST',
      'COPY.PAPER.TEST',
      'COPY.PAPER.*',
      'COPY.PAPER.**',
      'COPY.PAPER*',
      'COPY.PAP*',
      'COPY.*',
    ],
    [
      'COPY.WEB.FINAL',
      'COPY.WEB.FINAL',
      'COPY.WEB.*',
      'COPY.%EB.FINAL',
      'COPY.*.FINAL',
      'COPY.*',
      'COPY.**.FINAL',
      '*',
    ],
    // The first difference from the left decides.
    [
      'A.B.C',
      'A.B.%',
      'A.B.*',
      'A.B*.C',
      'A.%.C',
      'A.*.C',
      'A.*.%',
      'A.*',
      'A.**',
      '%.B.C',
      '*.B.C',
      '*',
      '**.B.C',
      '**',
    ],
  ];
  for (const [resource, ...profiles] of orders) {
    test(`of ${resource}`, () => {
      for (const name of profiles) assert.ok(covers(name, resource.split('.')), name);
      for (let from = 0; from < profiles.length; from++) {
        const rest = profiles.slice(from);
        assert.equal(index(...rest).best(resource)?.name, rest[0]);
        assert.equal(index(...rest.toReversed()).best(resource)?.name, rest[0]);
      }
    });
  }

  test('and only profiles that cover the resource', () => {
    assert.equal(index('A.C', 'A.B.*').best('A.B'), undefined);
    assert.equal(index('A.B.*').best('A.B.C')?.name, 'A.B.*');
    assert.equal(index().best('A'), undefined);
  });
});

const qualifier = fc.string({ unit: fc.constantFrom('A', 'B', 'C'), minLength: 1, maxLength: 3 });
const resource = fc.array(qualifier, { minLength: 1, maxLength: 5 });

describe('any profile', () => {
  test('without generic characters covers only its own name', () => {
    fc.assert(
      fc.property(resource, resource, (a, b) =>
        assert.equal(covers(a.join('.'), b), a.join('.') === b.join('.')),
      ),
    );
  });

  test('still covers a resource after replacing a character by %, or an end by * or **', () => {
    const cut = fc.tuple(resource, fc.nat(), fc.nat());
    fc.assert(
      fc.property(cut, ([parts, a, b]) => {
        const at = a % parts.length;
        const part = parts[at] ?? '';
        const character = b % part.length;
        const with_ = (replaced: string, rest = parts.slice(at + 1)): string =>
          [...parts.slice(0, at), replaced, ...rest].join('.');
        assert.ok(covers(with_(`${part.slice(0, character)}%${part.slice(character + 1)}`), parts));
        assert.ok(covers(with_(`${part.slice(0, character)}*`, []), parts));
        assert.ok(covers(with_('*'), parts));
        assert.ok(covers(with_('**', []), parts));
        assert.ok(covers(with_('**'), parts));
      }),
    );
  });
});
