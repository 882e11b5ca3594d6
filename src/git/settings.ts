import type { Environment } from '../environment.ts'

export type Setting = readonly [key: string, value: string]

/**
 * Variables that give git settings, on top of those that `env` gives it in the same way. Unlike `-c` nobody else
 * sees them: the way for secrets. A setting may be given more than once.
 */
export function settingsEnvironment(settings: readonly Setting[], env: Environment): Environment {
  const given = settingsCount(env)
  const variables = settings.flatMap(([key, value], index) => [
    [`GIT_CONFIG_KEY_${given + index}`, key],
    [`GIT_CONFIG_VALUE_${given + index}`, value],
  ])
  return { GIT_CONFIG_COUNT: String(given + settings.length), ...Object.fromEntries(variables) }
}

/** The settings that variables of this kind give. */
export function settingsIn(env: Environment): readonly Setting[] {
  return Array.from({ length: settingsCount(env) }, (_, index) => [
    env[`GIT_CONFIG_KEY_${index}`] ?? '',
    env[`GIT_CONFIG_VALUE_${index}`] ?? '',
  ])
}

function settingsCount(env: Environment): number {
  return Number(env.GIT_CONFIG_COUNT) || 0
}
