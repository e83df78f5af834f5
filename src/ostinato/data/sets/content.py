"""sha256 and size of every file of the named sets."""

from __future__ import annotations

CONTENT: dict[str, dict[str, tuple[str, int]]] = {
    "nsmc": {
        "ratings_train.txt": (
            "e03b7d14e9e41be8d464a28057cd25d7396c53e67aa7fd5f7e552c59b0ee2940",
            14_628_807,
        ),
        "ratings_test.txt": (
            "8ac9f64052f11dbf6ae0acb5e038f03d90a76f0eda7820cfb3a92d02edfcebda",
            4_893_335,
        ),
    },
    "sms_spam": {
        "SMSSpamCollection": (
            "7d039a24a6083ed9ef0f806ebad56bbb976e3aeb8de05669173bfdc4996c239d",
            477_907,
        ),
    },
    "sst": {
        "stsa.binary.train.txt": (
            "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338",
            738_844,
        ),
        "stsa.binary.dev.txt": (
            "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1",
            94_400,
        ),
        "stsa.binary.test.txt": (
            "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b",
            193_562,
        ),
        "stsa.fine.train.txt": (
            "9b52b5f686ed438d4d0274c385369251b3d579b578fddd340ba8a9bae2ca4bee",
            902_818,
        ),
        "stsa.fine.dev.txt": (
            "b2f76c62b960f9fda5c6d751edb125abab4f878eb94a8754239b7f4af647f4c3",
            117_239,
        ),
        "stsa.fine.test.txt": (
            "0e2ebb450c231f7b3d67fc932066e7bb26ae7bad8c88488f45ed44ef02eb3c73",
            233_634,
        ),
    },
    "trec_questions": {
        "TREC.train.all": (
            "c8183fd8c2a5cc4a9a1c56548d7c6410a8b71ed7843df9ef1f0a05cd7cf2fb3e",
            292_402,
        ),
        "TREC.test.all": (
            "92a6a3cede5678b447ef5f1d7ec474134fcda211e6590e6fa627b4a2c68e4566",
            19_479,
        ),
    },
    "ud_english_ewt": {
        "en_ewt-ud-train.conllu": (
            "3fb78e2b55482c8ee00caa653af436c88c9e5bc9a73ce26e4ae3ddc79d2b7e7b",
            14_203_025,
        ),
        "en_ewt-ud-dev.conllu": (
            "531a54ff90d6ab12201c5a50c3e78e6ddac4de69abc4bce5d275d3cd29efe2b6",
            1_805_545,
        ),
    },
    "ud_korean_gsd": {
        "ko_gsd-ud-train.conllu": (
            "2ed449cf0a91283c526fab93e0cb89736eb4fecaa9d0ed7b45ecf4fb14e3faa0",
            3_446_767,
        ),
        "ko_gsd-ud-dev.conllu": (
            "e5fb7a0fef26f7172751b2791112bbc9ae560940e4f1250b6a33f25716b5bbca",
            727_020,
        ),
        "ko_gsd-ud-test.conllu": (
            "875b8cf2223767c44c641c63a87fe266725c3e5ff0d7080732f7d5ba98eb4a19",
            708_451,
        ),
    },
    "slots_snips": {
        "train.seq.in": (
            "04ad1e3f2121d83c6478f9a4b17d2dbdc21d06d6127f73cb7af835ed733f9855",
            617_079,
        ),
        "train.seq.out": (
            "fd5f2121d8055827e5d6b3d3bac30f3d7e94e82a5d437751960cbdd9e1b4f6d3",
            950_926,
        ),
        "train.label": (
            "bfd7df6cf9dd76c5da5d8b61bc85f90386197bdd3d7510c1d324c051537b962f",
            184_532,
        ),
        "valid.seq.in": (
            "64e0f6d8ad8aab3a3828164d7d53731a0993d3ca1aed437ceaca6d3d568d410e",
            33_629,
        ),
        "valid.seq.out": (
            "712e6d34feb8d52d208b820a5f8bae6e6ff990f08374507dfde22de389088319",
            50_626,
        ),
        "valid.label": (
            "9c1dd041216f647bcfca838aaf1a48eb5781e4404256d31ff07cd38a5436c52f",
            9_900,
        ),
        "test.seq.in": (
            "c1e341173fcea2951a8ca371956a6f81c76de87b9583c62eb87edd6158fa3a7c",
            33_121,
        ),
        "test.seq.out": (
            "58c07c9097d5e1f78889765c2a535a160f6455b90b3142055c8051847afcca47",
            50_918,
        ),
        "test.label": (
            "37a26da3ad079bb41c42c85a3a8f827eb47efec4c5917ce5d08f4b2736e4f830",
            10_120,
        ),
    },
    "klue_ner_dev": {
        "klue-ner-v1.1_dev.tsv": (
            "0f4d5e818f7b82d299c3a87856fc40a706f5943207580ddb252397e387050a54",
            2_635_045,
        ),
    },
    "music_jsb": {
        "JSB_Chorales.mat": (
            "ac0e608527cc411c7e21ef7d38be47f0de7fb6b13b3ae168b8eccf1c2a9b18d4",
            96_095,
        ),
    },
    "fsdd_speech": {
        "fsdd.npz": (
            "920be4bb07a39f0cfc8b545099003e6576ff6d140b11dbe5d323e68ed1d8b8aa",
            15_425_288,
        ),
    },
    "mnist_t10k": {
        "t10k-images-idx3-ubyte.gz": (
            "167310007f03058885c7e95e6c0b19c20de5c7fd3031f4cbdadc9014a523d80b",
            1_648_877,
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "fc607395669ec21321ea83e4b82c0544b7e8e63ff5b34337c06bc0a17cc0da3c",
            4_542,
        ),
    },
    "ucr_uea_ts": {
        "BasicMotions_TRAIN.ts": (
            "8dc43cc6306cb679c888c01e26f91772ac4441a916da43bac8b79734a538b9d6",
            227_790,
        ),
        "BasicMotions_TEST.ts": (
            "79213102bc6fca1a398ad98ce1185dff0208fa3d1465e687f48288946b0ff8dc",
            227_713,
        ),
        "JapaneseVowels_TRAIN.ts": (
            "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd",
            487_971,
        ),
        "JapaneseVowels_TEST.ts": (
            "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462",
            649_132,
        ),
        "ItalyPowerDemand_TRAIN.ts": (
            "341269cb7e6cef96846b30e774580beec79addb93848ba360145219115a74b7c",
            18_300,
        ),
        "ItalyPowerDemand_TEST.ts": (
            "26122451f87dd0387ef90b18bc8a86c041371b8a1c068004922b939971247144",
            274_054,
        ),
        "GunPoint_TRAIN.ts": (
            "f842401779fd9800d247d8b33121a1a4643710a19b24917dbdd9a060ca8630d5",
            84_188,
        ),
        "GunPoint_TEST.ts": (
            "79332750788a6227b325b96bd0d70130c8eb707b9731f8d7dec62b7a7d36017e",
            252_305,
        ),
        "ArrowHead_TRAIN.ts": (
            "a83c470aaf611a5f5284377cce27a5fc9f6292bc3d110257b0fd4905ced5ee72",
            100_357,
        ),
        "ArrowHead_TEST.ts": (
            "5417dab42626d41df5e435bb22458c2df40dfad4bcd3b59559bbe72e20e84904",
            484_894,
        ),
        "OSULeaf_TRAIN.ts": (
            "86b9d6e860414ffd26cebc62fff84ffb37fa588ef3e5bf79e4094a437c36ddfc",
            953_148,
        ),
        "OSULeaf_TEST.ts": (
            "6c549dd354f9e42d5985fa5fab75321ca9acefc7873457e71467fc8a31f107ce",
            1_152_821,
        ),
        "ACSF1_TRAIN.ts": (
            "0646b90dc4843e02baed6b2ba345c5601a4991b6796565489cef1b2d92a7537b",
            1_658_422,
        ),
        "ACSF1_TEST.ts": (
            "93e8aaeb44a10af181d24a156e60da7021193cd990ca28f263fccf3b905bfebf",
            1_659_932,
        ),
        "PLAID_TRAIN.ts": (
            "40deb3bc6bd1e1aa0e6db6e6bfd3cecc4a23bf57f6a6d6ab90fb75e4a2c72344",
            1_491_100,
        ),
        "PLAID_TEST.ts": (
            "aa6da0dc1461e8d374e068a940ce37d1b0bb1a9844596d818920c8af696d656d",
            1_503_139,
        ),
    },
    "names_18_nationalities": {
        "Arabic.txt": (
            "6f424a8dbe51cbbbabab7a57d38b617210125e4e3991f3c657cb79b8f104bafc",
            13_190,
        ),
        "Chinese.txt": (
            "09ba8f1f7e38dbc99372d461b26ad4433b811fc6bfa6a3ecca6fe11a9a777465",
            1_246,
        ),
        "Czech.txt": (
            "e17ab0ec47616a72c39cb85c783f70c3663ab64488721e5d8378f146d2226be7",
            3_916,
        ),
        "Dutch.txt": (
            "924f32b635170eae561f84538632138fc07d4c8bbd70ba3fb980de1ecc4d2af3",
            2_351,
        ),
        "English.txt": (
            "9cca037066d3d5989e24bc01801416162de506b5e28e15b7c092a47905d29bf2",
            27_125,
        ),
        "French.txt": (
            "81e65b36c60ed5b89a17422f6edcadbb89546f38ad69e960e64e7ba682012a95",
            2_178,
        ),
        "German.txt": (
            "7449cd590b97a733e18d613a4155decd77ec35dc5f8aadd7a82204dce4f051db",
            5_610,
        ),
        "Greek.txt": (
            "3555b5186de7f401e6d991b088e9e644ca3099116477818c25ab5793801389e6",
            1_981,
        ),
        "Irish.txt": (
            "cf8c7013256252a88d2503127b87282a11f21b2ff6db1bded68834c19a1ec058",
            1_858,
        ),
        "Italian.txt": (
            "f88414c27d0606a11a678b4859277828c2565d6cc4d9ee932deef6e94f3b35e4",
            5_657,
        ),
        "Japanese.txt": (
            "e0e717e114fec3e7eade4d9dabe0067c475f43147e36a22b47902ee76ad9e67f",
            7_622,
        ),
        "Korean.txt": (
            "cd54221ccb362a6cba4c78828838cf3268a0e59744767a37cf6ec4b74036b136",
            423,
        ),
        "Polish.txt": (
            "45bab898af2f60ed3a728bbf6980e28821011a7caa53227553b5785903a40826",
            1_165,
        ),
        "Portuguese.txt": (
            "50a8735f41f4f73757c8ce5b16cb0275cd86b2b214bcbc8c9805f508cb131c53",
            554,
        ),
        "Russian.txt": (
            "0cfe53ac18041e8f63666aa77313e0a3ff378facb132abee052d8ebdc8c3d62c",
            85_168,
        ),
        "Scottish.txt": (
            "78d0252711d87d948ea86fe34826c51d2d794a8e52d15b5d6f7b6244d45d62dd",
            752,
        ),
        "Spanish.txt": (
            "1bcb462ed3316756a85781d68232bddae04498fdddd5d9219c53fd1fbdeba7a7",
            2_284,
        ),
        "Vietnamese.txt": (
            "f3f9e4164ab47601178a6e45b216464a64122f49d05541f24bf18a757253281d",
            339,
        ),
    },
    "names_makemore": {
        "names.txt": (
            "0a30b5557f192f32ab962680889aac5f6fda0f4cecf40a6d0b5694f58ea8cc4d",
            228_145,
        ),
    },
    "tinyshakespeare": {
        "input.txt": (
            "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed",
            1_115_394,
        ),
    },
    "ko_news_titles": {
        "train.news_title.txt": (
            "80fcb349633ddf38062c17363f18e62b3e533640c2a31ba50468963ff5db1492",
            742_357,
        ),
        "dev.news_title.txt": (
            "5332b771458697677396a6bae8de0f590be9b4b8718592d6e1a92b6592b5d47f",
            44_175,
        ),
        "test.news_title.txt": (
            "5dc930ee17d4068b1b62f7f4fab1857504b9009b4f8a37adcebbf99003c52508",
            91_110,
        ),
    },
    "chatbot_ko": {
        "ChatbotData.csv": (
            "287eb129695b577321c80ad397bb3c2279164d4ca577874d129fd3db5b30afe2",
            889_842,
        ),
    },
    "stocks": {
        "stockdata.csv": (
            "60bf505fec160ce05ba959382adee32ea6e53ce14fe22886db27c58fe1b0d26b",
            151_626,
        ),
        "dash-stock-ticker-demo.csv": (
            "1f94b9af84dd323622239a1d95c73bda681b3e6b849479ebeb23a9b2fa21e2e2",
            429_752,
        ),
        "tesla-stock-price.csv": (
            "817d01d348116adb93f82908b659cfe11456599a7accd809df81cf9dc23f373d",
            55_371,
        ),
    },
    "sketch_kanji": {
        "sketch_kanji.npz": (
            "1fdc6075d15d6759499e9ff63afa60ee0f49a684df2401e0597180a5ee465b0c",
            1_365_319,
        ),
    },
    "multi30k": {
        "train.de.gz": (
            "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
            637_044,
        ),
        "train.en.gz": (
            "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
            568_929,
        ),
        "train.fr.gz": (
            "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
            604_242,
        ),
        "train.cs.gz": (
            "a65adb8b32e3bc664f21ecba7a6e7f6950fd1f405e135f7c312faabdb6255077",
            593_827,
        ),
        "val.de.gz": (
            "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
            24_681,
        ),
        "val.en.gz": (
            "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
            21_650,
        ),
        "val.fr.gz": (
            "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
            23_001,
        ),
        "val.cs.gz": (
            "b63226e05c4bd5dd6a42897d74b86a1b9d2c31498252c572b1ea7f7996927fcc",
            22_096,
        ),
        "test_2016_flickr.de.gz": (
            "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
            22_890,
        ),
        "test_2016_flickr.en.gz": (
            "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
            21_077,
        ),
        "test_2016_flickr.fr.gz": (
            "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
            22_310,
        ),
        "test_2016_flickr.cs.gz": (
            "200a4a74cc9560f051924abb9803be008d1908d77f747e9141aeb86dfd2797f1",
            22_572,
        ),
    },
    "tatoeba_kor_eng": {
        "kor.txt": (
            "5c5943f3cfb2c35ef21b19d1c0eaf1a79c47b21c149de8c0223da17e8380a6bc",
            546_563,
        ),
    },
    "cmudict_g2p": {
        "cmudict.dict": (
            "81917843c7f44ce2b094ac63873c2c7a4cf802040792c455ba3ca406891c3d22",
            3_618_488,
        ),
    },
    "scan": {
        "tasks_train_simple.txt": (
            "941bb8a088c5f53ceff12fde902dc008933cf0c4203cc672c47b5f79d73262dd",
            3_267_938,
        ),
        "tasks_test_simple.txt": (
            "1fe1c8f5a19d0dc40e41bab94278f45f66f3dc415a978bd29855a23440610fc6",
            812_450,
        ),
        "tasks_train_length.txt": (
            "b034212dc7cf87ce62f3a067dd6ad49c4d5cd18d51d615d13825516bcb1ebbc2",
            2_723_418,
        ),
        "tasks_test_length.txt": (
            "0760752ed34a75116ae11dcc1ee17526b7500060da1366540730fa24894d7db3",
            1_356_970,
        ),
        "tasks_train_addprim_jump.txt": (
            "e3c78485692e028eed4205e1b8b3fd0e785ef2c12d45b5b89204dadf5b239e23",
            2_579_619,
        ),
        "tasks_test_addprim_jump.txt": (
            "8147ae2651422c701162e174d9d66158daa57858a26b30317ac61797118ac7a5",
            1_531_555,
        ),
    },
    "nlvr": {
        "train_examples.tsv": (
            "b295eb59bd7e44440fe297b387cf937349b7c2415e38a787843a62c6a3dfe84b",
            76_655,
        ),
        "dev.json": (
            "0d312c3d7309393c0e36d286c70b884fb276819699e9f8f2bcea2854ad46537b",
            813_215,
        ),
        "test.json": (
            "9a337ac016455eebe8aef70a6e94977dbcd9e75aec56f0fb09477a9c1038528d",
            811_565,
        ),
        "images_train_examples_half.npz": (
            "4583f9c4a9cd26a0a108d0a68554a7d5577b674488dcbd2727476624ee78c8be",
            654_755,
        ),
        "images_dev_half.npz": (
            "e992fbf63395f7714b644a2dfc04f218225b6a0e4723fed6cd28361c3b222310",
            509_978,
        ),
        "images_test_half.npz": (
            "08622a07e951e946ea3ba2b4979057d7bbc12af173c5ff14b49142fa0b25d02f",
            494_295,
        ),
    },
    "etth1": {
        "ETTh1.csv": (
            "f18de3ad269cef59bb07b5438d79bb3042d3be49bdeecf01c1cd6d29695ee066",
            2_589_657,
        ),
    },
    "exchange_rate": {
        "exchange_rate.txt.gz": (
            "6a4fbb561dcdee43f071a83badbeec9223a335552278348656738b556f1c2e9d",
            177_142,
        ),
    },
    "small_series": {
        "airline-passengers.csv": (
            "8cb51be753a718d9be5d76d7e238cc224792754676adc21faa59e954b0201621",
            2_180,
        ),
        "monthly-sunspots.csv": (
            "c4ec8cc57d9f6fb6ecdb3e1f37f25b6f4badd5124c55931052b0cd2fc3bc71f3",
            45_039,
        ),
        "daily-min-temperatures.csv": (
            "8b9de63ed6789492bf497625e7f9beb96a63d367b4b0a21754006f749fa5e5da",
            67_921,
        ),
        "daily-max-temperatures.csv": (
            "4f4ab4d6134d9c0f8efb3d6af6edc30a0ad3c56573d0f20f45db010055d0371c",
            69_359,
        ),
        "daily-total-female-births.csv": (
            "7a0c1bdb32d68f7fa359e561a4f7e1fe8fb2fc26a1ea624a434a97a63735dd72",
            6_220,
        ),
        "monthly-mean-temp.csv": (
            "4190d815eb6d66f7c6abf25de2ef69addcf4647659fb94102215bd2dab1916ef",
            3_861,
        ),
        "monthly-car-sales.csv": (
            "a4194226eb1d0eba5fd503e829b1279f1a10683d8009f2871aca05e7fb648f70",
            1_834,
        ),
        "monthly-robberies.csv": (
            "df5e8a8c2d8fbfb01dd652232863986e0a9fab2d7a30dc29c4a42f6794b0b50f",
            1_633,
        ),
        "monthly-writing-paper-sales.csv": (
            "249b088de6d9e652a01a3ec460ea9d9ea3ba90b3034e2f109d5f43c523d376ee",
            2_470,
        ),
        "monthly_champagne_sales.csv": (
            "bf2179f9c4df80a355146ce80da5c29d5cd5f36918d98f8b07cb04cda59e59eb",
            1_596,
        ),
        "shampoo.csv": (
            "f709eaa344b2d07039a49e2193cbff5e56206354f3a8203c0e02471beb39a451",
            519,
        ),
        "yearly-water-usage.csv": (
            "cfcf406db2763a793ea52cb982be9b437efc5273fbe6e0a3c7d2dca3a5b0e3ea",
            883,
        ),
    },
}
