// The hall: carpet, stairs, lamp on the sideboard.
#version 3.7;
#include "lib.inc"
#include "figures.inc"
#if (PASS = 2) light_source { <0,2.5,-2.6> rgb 1 area_light x*0.9, z*0.9, 4, 4 adaptive 0 } #end
#if (PASS < 2)
  #if (LIGHT < 2)
    light_source { <0,2.5,-2.6> rgb <1.5,1.1,0.72>*(LIGHT = 0 ? 1.0 : 1.25) fade_distance 2 fade_power 2 area_light x*0.5, z*0.5, 3, 3 adaptive 1 }
    light_source { <-0.6,1.7,-8.3> rgb <0.6,0.7,0.85>*(LIGHT = 0 ? 1.3 : 0.12) fade_distance 3 fade_power 2 area_light x*0.6, y*0.6, 3, 3 adaptive 1 }
    light_source { <-4,2,-5.5> rgb <0.8,0.85,0.9>*(LIGHT = 0 ? 0.25 : 0.05) fade_distance 3 fade_power 2 }
    #if (PASS = 1) light_source { <1,2.2,1> rgb <0.5,0.4,0.3> shadowless } light_source { <-3,1,-4> rgb <0.22,0.2,0.18> shadowless } #end
  #else
    light_source { Camera rgb LAMP fade_distance 3 fade_power 1.7 spotlight point_at Aim radius 14 falloff 62 }
    light_source { Camera+<-0.1,0.05,0> rgb LAMP*0.15 fade_distance 5 fade_power 1.4 }
  #end
#end
#if (PASS != 1)
  #declare Floor = texture { pigment { wood color_map { [0 rgb <0.30,0.17,0.08>] [1 rgb <0.20,0.11,0.05>] } scale <0.13,1,3> } finish { reflection 0.05 specular 0.2 } }
  #declare Carpet = texture { pigment { checker rgb <0.26,0.065,0.04>, rgb <0.32,0.10,0.05> scale 0.17 } normal { bumps 0.8 scale 0.01 } }
  #declare Rim = texture { pigment { rgb <0.17,0.055,0.035> } normal { bumps 0.8 scale 0.01 } }
  plane { y, 0 Surface(Floor) } plane { -y, -2.7 Surface(White) }
  box { <1.9,0,-9>, <2.2,3,2> Surface(Render) } difference { box { <-2.4,0,-9>, <-2.1,3,2> Surface(Render) } box { <-3,-1,-4.6>, <-2,2.1,-3.5> } } box { <-3,0,-9>, <3,3,-8.8> Surface(Render) }
  #for (s, 0, 1) box { <(s ? 1.87 : -2.1),0,-9>, <(s ? 1.9 : -2.07),0.12,(s ? 2 : -4.7)> Surface(White) } #end
  box { <-2.12,0,-4.7>, <-2.06,2.2,-4.6> Surface(White) } box { <-2.12,0,-3.5>, <-2.06,2.2,-3.4> Surface(White) } box { <-2.12,2.1,-4.7>, <-2.06,2.2,-3.4> Surface(White) }
  box { <-6,0,-7>, <-5.9,3,0> Surface(Render) }
  box { <-1.28,0,-8.8>, <0.08,2.28,-8.72> Surface(White) } box { <-1.2,0,-8.8>, <0,2.2,-8.7> Surface(Door) }
  box { <-0.95,1.2,-8.69>, <-0.25,1.95,-8.68> #if (Worldly) pigment { rgb (LIGHT = 0 ? <0.75,0.85,1> : (LIGHT = 1 ? <0.06,0.08,0.14> : 0.02)) } finish { emission 0.9 } #else texture { Plain } #end }
  box { <-0.95,0,-6.4>, <0.75,0.012,-1.4> Surface(Rim) } box { <-0.85,0,-6.3>, <0.65,0.016,-1.5> Surface(Carpet) }
  union { box { <-0.2,0.12,-0.7>, <0.2,0.82,0.7> } box { <-0.24,0.82,-0.74>, <0.24,0.86,0.74> } #for (s, -1, 1, 2) box { <-0.18,0,s*0.62-0.04>, <-0.12,0.12,s*0.62+0.04> } #end Surface(Wood) translate <1.65,0,-4> }
  sphere { <1.65,1.14,-3.7>, 0.17 #if (Worldly & LIGHT < 2) pigment { rgb <0.9,0.72,0.48> } finish { emission 0.75 } #else Paint(<0.8,0.7,0.55>) #end } cylinder { <1.65,0.85,-3.7>, <1.65,1,-3.7>, 0.05 Paint(0.3) }
  #if (LIGHT < 2 & PASS = 0) light_source { <1.5,1.25,-3.6> rgb <1.2,0.8,0.42>*0.55 fade_distance 1 fade_power 2 area_light x*0.3, y*0.3, 2, 2 adaptive 1 } #end
  box { <1.87,1.25,-4.6>, <1.9,2.05,-3.4> Surface(Wood) } box { <1.865,1.3,-4.5>, <1.9,2,-3.5> Paint(<0.2,0.3,0.3>) } box { <1.86,1.3,-4.5>, <1.9,1.58,-3.5> Paint(<0.30,0.26,0.14>) }
  #for (i, 0, 12) box { <-2.1,0,-5.2-i*0.27>, <-1.15,i*0.18+0.18,-5.5-i*0.27> Surface(White) } box { <-2.1,i*0.18+0.15,-5.16-i*0.27>, <-1.1,i*0.18+0.19,-5.5-i*0.27> Surface(Wood) } #end
  BushAt(<1.5,0.42,-6.6>, 0.34, 5, Green) cone { <1.5,0,-6.6>, 0.15, <1.5,0.46,-6.6>, 0.21 Paint(<0.5,0.25,0.12>) }
#end
Figure()
