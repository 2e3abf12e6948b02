-- Many people speak at once: each request is one to three new segments of one of them, going on
-- where that person's clock stands. Argument: a prefix for uids, segment ids and keys.
local PEOPLE = 5000
local WORDS = {
  "well", "the", "meeting", "was", "moved", "to", "Tuesday", "because", "nobody", "could", "come",
  "and", "I", "think", "we", "should", "order", "more", "paper", "before", "winter", "that", "is",
  "what", "she", "said", "about", "train", "tickets", "again", "maybe", "later", "dinner", "first",
}
local path, prefix
local clocks = {}
local headers = { ["Content-Type"] = "application/json" }
local sent = 0

function init(args)
  path = wrk.path
  prefix = args[1]
  math.randomseed(7)
  for person = 1, PEOPLE do
    clocks[person] = math.random() * 600
  end
end

local function sentence()
  local words = {}
  for place = 1, math.random(4, 16) do
    words[place] = WORDS[math.random(#WORDS)]
  end
  return table.concat(words, " ")
end

function request()
  sent = sent + 1
  local person = math.random(PEOPLE)
  local segments = {}
  for place = 1, math.random(3) do
    local from_s = clocks[person] + math.random() * 2
    local to_s = from_s + 1 + math.random() * 4
    clocks[person] = to_s
    local speaker = math.random(0, 1)
    segments[place] = string.format(
      '{"id":"%s-%d-%d","text":"%s","speaker":"SPEAKER_0%d","speaker_id":%d,"is_user":%s,'
        .. '"person_id":null,"start":%.2f,"end":%.2f}',
      prefix, sent, place, sentence(), speaker, speaker, speaker == 0 and "true" or "false",
      from_s, to_s)
  end
  local uid = prefix .. "-" .. person
  headers["Idempotency-Key"] = prefix .. sent
  local body = string.format(
    '{"segments":[%s],"session_id":"%s"}', table.concat(segments, ","), uid)
  return wrk.format("POST", path .. "?uid=" .. uid, headers, body)
end
