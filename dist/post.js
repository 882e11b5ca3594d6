// The post step is the same program. It says so itself: where the step was ended before it could, nothing else does.
process.env.STATE_isPost = 'true'
await import('./index.js')
